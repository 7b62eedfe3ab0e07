/* Must fail: shows that the harness names a test that crashes or ends the program, and goes on with the next. */
#include "test.h"

TEST(nothing_can_be_written_at_null)
{
    volatile char *volatile nowhere = NULL;
    *nowhere = 1;
}

TEST(leaving_early_is_no_success) { exit(0); }

TEST(the_next_test_runs) { CHECK(true); }

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(nothing_can_be_written_at_null), RUN(leaving_early_is_no_success), RUN(the_next_test_runs), {0}};
    return wn_test_main(argc, argv, tests);
}
