/* Option structs of callers that are older and newer than the library. */
#include "base/options.h"
#include "test.h"

typedef struct old_options {
    size_t size;
    int threads;
} old_options;

typedef struct options {
    size_t size;
    int threads;
    const char *backend;
} options;

typedef struct new_options {
    options known;
    int64_t later;
} new_options;

#define TAKE(given, out) wn__options_take(given, "options", sizeof *(out), out)

TEST(no_options_are_zeros)
{
    options o = {1, 2, "x"};
    CHECK_OK(TAKE(NULL, &o));
    CHECK_EQ_INT(o.size, sizeof o);
    CHECK_EQ_INT(o.threads, 0);
    CHECK(!o.backend);
}

TEST(what_an_older_caller_lacks_is_zero)
{
    const old_options given = {sizeof given, 3};
    options o;
    CHECK_OK(TAKE(&given, &o));
    CHECK_EQ_INT(o.threads, 3);
    CHECK(!o.backend);
    CHECK_EQ_INT(o.size, sizeof o);
}

TEST(what_a_newer_caller_adds_must_be_zero)
{
    new_options given = {{sizeof given, 3, "ref"}, 0};
    options o;
    CHECK_OK(TAKE(&given, &o));
    CHECK_EQ_TEXT(o.backend, "ref");
    given.later = 1;
    CHECK_STATUS(TAKE(&given, &o), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "older");
}

TEST(a_size_that_is_not_set_is_refused)
{
    const options given = {.threads = 3};
    options o;
    CHECK_STATUS(TAKE(&given, &o), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "options.size is 0");
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(no_options_are_zeros),
                                    RUN(what_an_older_caller_lacks_is_zero),
                                    RUN(what_a_newer_caller_adds_must_be_zero),
                                    RUN(a_size_that_is_not_set_is_refused),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
