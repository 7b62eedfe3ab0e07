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

TEST(results_fill_what_the_caller_has_room_for)
{
    const options own = {sizeof own, 3, "ref"};
    old_options old = {sizeof old, 0};
    new_options newer = {{sizeof newer, 0, NULL}, 7};
    CHECK_OK(wn__options_give(&own, "options", sizeof own, &old));
    CHECK_EQ_INT(old.threads, 3);
    CHECK_EQ_INT(old.size, sizeof old);
    CHECK_OK(wn__options_give(&own, "options", sizeof own, &newer));
    CHECK_EQ_TEXT(newer.known.backend, "ref");
    CHECK_EQ_INT(newer.later, 0);
    old.size = 0;
    CHECK_STATUS(wn__options_give(&own, "options", sizeof own, &old), WN_EINVAL);
    CHECK_STATUS(wn__options_give(&own, "options", sizeof own, NULL), WN_EINVAL);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(no_options_are_zeros),
                                    RUN(what_an_older_caller_lacks_is_zero),
                                    RUN(what_a_newer_caller_adds_must_be_zero),
                                    RUN(a_size_that_is_not_set_is_refused),
                                    RUN(results_fill_what_the_caller_has_room_for),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
