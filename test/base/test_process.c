/* Programs that are started: all their arguments, and those that cannot be started. */
#include <sys/wait.h>
#include <unistd.h>

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

TEST(what_a_program_tells_is_heard)
{
    struct {
        int step;
        double loss;
    } heard = {0};
    pid_t pid = 0;
    int channel = -1, how = 0;
    /* Twelve bytes are no record of sixteen. */
    const char *const command[] = {
        "sh", "-c",
        "printf 0123456789ab >&$WINNOW_PROGRESS; printf '\\7\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\340\\77' >&$WINNOW_PROGRESS", NULL};
    CHECK_OK(wn__process_start_heard(command, (const char *const[]){NULL}, &pid, &channel));
    CHECK(waitpid(pid, &how, 0) == pid && WIFEXITED(how) && WEXITSTATUS(how) == 0);
    CHECK(!wn__process_heard(channel, &heard, sizeof heard));
    CHECK(wn__process_heard(channel, &heard, sizeof heard));
    CHECK(heard.step == 7 && heard.loss == 0.5);
    CHECK(!wn__process_heard(channel, &heard, sizeof heard));
    close(channel);
    CHECK(wn__process_channel() == -1);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(a_program_gets_every_argument_of_both_lists),
                                    RUN(a_program_that_does_not_exist_ends_with_127),
                                    RUN(what_a_program_tells_is_heard),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
