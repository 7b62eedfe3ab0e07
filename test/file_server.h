/* A local HTTP server for tests (file_server.py), in a process of its own; the test is skipped without python3. */
#ifndef WN_FILE_SERVER_H
#define WN_FILE_SERVER_H

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

typedef struct file_server {
    pid_t process;
    int input; /* closing it ends the server */
    int port;
} file_server;

static inline void file_server_child(const char *folder, const char *option, int input, int output)
{
    dup2(input, 0);
    dup2(output, 1);
    for (int fd = 3; fd < 64; fd++)
        close(fd);
    if (chdir(folder) == 0) execlp("python3", "python3", WN_TEST_SOURCE "/file_server.py", option, (char *)NULL);
    _exit(127);
}

/* Serves `folder`; option "--ranges" or NULL. */
static inline file_server file_server_start(const char *folder, const char *option)
{
    int input[2], output[2];
    CHECK(pipe(input) == 0 && pipe(output) == 0);
    fflush(NULL);
    file_server server = {.process = fork(), .input = input[1]};
    CHECK(server.process >= 0);
    if (server.process == 0) file_server_child(folder, option, input[0], output[1]);
    close(input[0]);
    close(output[1]);
    FILE *from = fdopen(output[0], "r");
    const bool started = from && fscanf(from, "%d", &server.port) == 1;
    if (from) fclose(from);
    if (!started) {
        close(server.input);
        waitpid(server.process, NULL, 0);
        SKIP("no python3 for the local HTTP server");
    }
    return server;
}

static inline void file_server_stop(file_server *server)
{
    close(server->input);
    waitpid(server->process, NULL, 0);
}

#endif
