/* Programs that are started: all their arguments, and those that cannot be started. */
#include <sys/wait.h>

#include "base/process.h"
#include "test.h"

static int exit_code_of(const char *const *command, const char *const *more)
{
    pid_t pid = 0;
    int how = 0;
    CHECK_OK(wn__process_start(command, more, &pid));
    CHECK(waitpid(pid, &how, 0) == pid && WIFEXITED(how));
    return WEXITSTATUS(how);
}

TEST(a_program_gets_every_argument_of_both_lists)
{
    enum { MORE = 100 };
    const char *more[MORE + 1] = {NULL};
    for (int i = 0; i < MORE; i++)
        more[i] = i == MORE - 1 ? "last" : "some";
    const char *const command[] = {"sh", "-c", "shift 2; [ $# = 100 ] && shift 99 && [ $1 = last ] && exit 7", "sh", "one", "two", NULL};
    CHECK_EQ_INT(exit_code_of(command, more), 7);
}

TEST(a_program_that_does_not_exist_ends_with_127)
{
    CHECK_EQ_INT(exit_code_of((const char *const[]){"/no/such/program", NULL}, (const char *const[]){NULL}), 127);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {
        RUN(a_program_gets_every_argument_of_both_lists), RUN(a_program_that_does_not_exist_ends_with_127), {0}};
    return wn_test_main(argc, argv, tests);
}
