/* The instruction set is resolved once per process, so each case runs in a child of its own. */
#include <sys/wait.h>
#include <unistd.h>

#include "base/cpu.h"
#include "test.h"

/* Calls `act` in a child with WINNOW_ISA set to `choice` (NULL: unset) and returns its result. */
static int in_child(const char *choice, int (*act)(void))
{
    const pid_t child = fork();
    if (child == 0) {
        if (choice)
            setenv("WINNOW_ISA", choice, 1);
        else
            unsetenv("WINNOW_ISA");
        _exit(act());
    }
    int how = -1;
    CHECK_EQ_INT(waitpid(child, &how, 0), child);
    CHECK(WIFEXITED(how));
    return WEXITSTATUS(how);
}

static int status_is_ok(void) { return wn__isa_status() == WN_OK; }

static int isa(void) { return wn__isa_in_use(); }

static int nonsense_is_explained(void)
{
    return wn__isa_status() == WN_EUSAGE && wn__isa_status() == WN_EUSAGE && strstr(wn_error_message(), "WINNOW_ISA=nonsense: ") &&
           strstr(wn_error_message(), "base") && wn__isa_in_use() == WN__ISA_BASE;
}

TEST(an_unknown_instruction_set_is_an_error) { CHECK(in_child("nonsense", nonsense_is_explained)); }

TEST(one_of_another_machine_is_an_error)
{
#if defined(__aarch64__)
    CHECK(!in_child("avx2", status_is_ok));
#else
    CHECK(!in_child("neon", status_is_ok));
#endif
}

TEST(base_is_everywhere)
{
    CHECK(in_child("base", status_is_ok));
    CHECK_EQ_INT(in_child("base", isa), WN__ISA_BASE);
}

TEST(without_a_choice_the_best_is_used_and_can_be_chosen_by_name)
{
    CHECK(in_child(NULL, status_is_ok) && in_child("", status_is_ok));
    const int best = in_child(NULL, isa);
    CHECK(in_child(wn__isa_name((wn__isa)best), status_is_ok));
    CHECK_EQ_INT(in_child(wn__isa_name((wn__isa)best), isa), best);
}

TEST(the_cpu_has_a_name) { CHECK(strlen(wn__cpu_name()) > 0); }

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(an_unknown_instruction_set_is_an_error),
                                    RUN(one_of_another_machine_is_an_error),
                                    RUN(base_is_everywhere),
                                    RUN(without_a_choice_the_best_is_used_and_can_be_chosen_by_name),
                                    RUN(the_cpu_has_a_name),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
