/* Must fail: shows that the harness and the runner see a failed check. */
#include "test.h"

TEST(a_nan_is_near_nothing) { CHECK_NEAR(NAN, NAN, INFINITY, INFINITY); }

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(a_nan_is_near_nothing), {0}};
    return wn_test_main(argc, argv, tests);
}
