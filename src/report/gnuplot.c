#include "report/gnuplot.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"

enum { VARIABLES_SET = 2 };
static char *const variables[VARIABLES_SET] = {"LC_ALL=C.UTF-8", "TZ=UTC"}; /* numbers and dates of the output depend on them */

static bool is_replaced(const char *variable) { return strncmp(variable, "LC_ALL=", 7) == 0 || strncmp(variable, "TZ=", 3) == 0; }

/* The caller's environment with the variables above; free the list with wn__free. */
static char **child_environment(void)
{
    int count = 0;
    while (environ[count])
        count++;
    char **list = WN_NEW_ARRAY(char *, count + VARIABLES_SET + 1);
    int used = 0;
    for (int i = 0; list && i < count; i++)
        if (!is_replaced(environ[i])) list[used++] = environ[i];
    for (int i = 0; list && i < VARIABLES_SET; i++)
        list[used++] = variables[i];
    return list;
}

/* *error is an errno value of the spawning itself. */
static pid_t spawn(const char *program, const char *folder, const char *script, char **environment, int *error)
{
    pid_t child = -1;
    char *const arguments[] = {(char *)program, "-d", (char *)script, NULL}; /* -d: no ~/.gnuplot */
    posix_spawn_file_actions_t actions;
    *error = posix_spawn_file_actions_init(&actions);
    if (*error != 0) return -1;
    *error = posix_spawn_file_actions_addchdir_np(&actions, folder);
    if (*error == 0) *error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (*error == 0) *error = posix_spawn_file_actions_addopen(&actions, 1, "gnuplot.log", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (*error == 0) *error = posix_spawn_file_actions_adddup2(&actions, 1, 2);
    if (*error == 0) *error = posix_spawnp(&child, program, &actions, NULL, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

static wn_status fail_not_found(const char *program)
{
    return wn__fail(WN_EUNSUPPORTED, "the program \"%s\" was not found; it draws the figures (Debian: gnuplot-nox)", program);
}

static wn_status fail_with_log(const char *folder, const char *program)
{
    char *path = wn__path_join(folder, "gnuplot.log"), *log = NULL;
    size_t size = 0;
    if (!path) return wn__no_memory(strlen(folder));
    const bool read = wn__file_read(path, &log, &size) == WN_OK;
    wn__free(path);
    const char *last_words = !read ? "" : size > 300 ? log + size - 300 : log;
    const wn_status status = wn__fail(WN_EUNSUPPORTED, "%s could not draw the figures: %s", program, last_words);
    wn__free(log);
    return status;
}

wn_status wn__gnuplot_run(const char *folder, const char *script)
{
    const char *chosen = getenv("WINNOW_GNUPLOT"), *program = chosen && *chosen ? chosen : "gnuplot";
    char **environment = child_environment();
    if (!environment) return wn__no_memory(4096);
    int error, how = 0;
    const pid_t child = spawn(program, folder, script, environment, &error);
    wn__free(environment);
    if (error == ENOENT || error == EACCES) return fail_not_found(program);
    if (error != 0) return wn__fail(WN_EIO, "cannot start %s: %s", program, strerrordesc_np(error));
    while (waitpid(child, &how, 0) < 0)
        if (errno != EINTR) return wn__fail_errno("cannot wait for %s", program);
    /* posix_spawn may also tell like this that it found nothing to start. */
    if (WIFEXITED(how) && WEXITSTATUS(how) == 127) return fail_not_found(program);
    if (!WIFEXITED(how) || WEXITSTATUS(how) != 0) return fail_with_log(folder, program);
    return WN_OK;
}

wn_status wn__pdf_fix_date(const char *path)
{
    static const char mark[] = "/CreationDate (D:", date[] = "20000101000000";
    char *data;
    size_t size;
    WN_TRY(wn__file_read(path, &data, &size));
    char *at = memmem(data, size, mark, sizeof mark - 1);
    bool dated = at && (size_t)(data + size - at) > sizeof mark + sizeof date;
    for (size_t i = 0; dated && i < sizeof date - 1; i++)
        dated = isdigit((unsigned char)at[sizeof mark - 1 + i]);
    if (dated) memcpy(at + sizeof mark - 1, date, sizeof date - 1);
    const wn_status status = dated ? wn__file_write(path, data, size) : WN_OK;
    wn__free(data);
    return status;
}
