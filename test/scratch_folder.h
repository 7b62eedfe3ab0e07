/* A folder of its own for a test program: made by scratch_make in main, removed by scratch_remove. */
#ifndef WN_SCRATCH_FOLDER_H
#define WN_SCRATCH_FOLDER_H

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "test.h"

static char scratch_folder[] = "/tmp/winnow-test-XXXXXX";

static inline void scratch_make(void)
{
    if (!mkdtemp(scratch_folder)) {
        perror(scratch_folder);
        exit(1);
    }
}

static inline void scratch_remove(void)
{
    if (wn__remove_tree(scratch_folder) != WN_OK) fprintf(stderr, "%s\n", wn_error_message());
}

/* Path of `name` in the folder; valid for the next 31 calls. */
static inline const char *scratch_path(const char *name)
{
    static char paths[32][512];
    static int turn;
    char *path = paths[turn++ % 32];
    snprintf(path, sizeof(paths[0]), "%s/%s", scratch_folder, name);
    return path;
}

/* The same, with nothing there. */
static inline const char *scratch_fresh(const char *name)
{
    const char *path = scratch_path(name);
    CHECK_OK(wn__remove_tree(path));
    return path;
}

/* The folder that tests compare theirs with, made by the first of them: they are processes, so a file beside it tells that it is complete. */
static inline const char *scratch_undisturbed(void (*make)(const char *path))
{
    static char path[512], complete[512];
    snprintf(path, sizeof path, "%s/undisturbed", scratch_folder);
    snprintf(complete, sizeof complete, "%s/undisturbed.complete", scratch_folder);
    if (wn__file_exists(complete)) return path;
    CHECK_OK(wn__remove_tree(path));
    make(path);
    CHECK_OK(wn__file_write(complete, "", 0));
    return path;
}

static inline void check_same_bytes(const char *left, const char *right)
{
    char *x, *y;
    size_t nx, ny;
    CHECK_OK(wn__file_read(left, &x, &nx));
    CHECK_OK(wn__file_read(right, &y, &ny));
    if (nx != ny || memcmp(x, y, nx) != 0) WN_TEST_FAIL("%s and %s differ", left, right);
    wn__free(x);
    wn__free(y);
}

/* Of the same name in two folders. */
static inline void check_same_file(const char *left, const char *right, const char *name)
{
    char *a = wn__path_join(left, name), *b = wn__path_join(right, name);
    check_same_bytes(a, b);
    wn__free(a);
    wn__free(b);
}

/* Runs the tests inside the folder's life. */
/* How to start this test program again, as a worker: by itself, or where its machine is emulated (scripts/check-aarch64.sh) by what WINNOW_TEST_RUNNER
 * names. `program` is its path. */
static inline const char *const *scratch_worker(const char *program)
{
    static const char *command[4];
    const char *runner = getenv("WINNOW_TEST_RUNNER");
    int words = 0;
    if (runner) command[words++] = runner;
    command[words++] = program;
    command[words++] = "--worker";
    command[words] = NULL;
    return command;
}

static inline int scratch_test_main(int argc, char **argv, const wn_test *tests)
{
    scratch_make();
    const int code = wn_test_main(argc, argv, tests);
    scratch_remove();
    return code;
}

#endif
