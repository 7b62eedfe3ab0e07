#include <errno.h>

#include "base/fail.h"
#include "base/log.h"
#include "test.h"

TEST(every_status_has_a_name_and_a_text)
{
#define HAS_BOTH(name, value, text_)                          \
    CHECK_EQ_TEXT(wn_status_name((wn_status)(value)), #name); \
    CHECK_EQ_TEXT(wn_status_text((wn_status)(value)), text_);
    WN_STATUS_MAP(HAS_BOTH)
#undef HAS_BOTH
    CHECK_EQ_TEXT(wn_status_name((wn_status)-1000), "?");
}

TEST(version_is_that_of_the_headers)
{
    char text[32];
    CHECK_EQ_TEXT(wn_version(), WN_VERSION);
    CHECK_EQ_INT(wn_version_number(), WN_VERSION_NUMBER);
    snprintf(text, sizeof text, "%d.%d.%d", wn_version_number() / 10000, wn_version_number() / 100 % 100, wn_version_number() % 100);
    CHECK_EQ_TEXT(text, WN_VERSION);
}

TEST(message_is_kept_and_can_be_prefixed)
{
    CHECK_STATUS(wn__fail(WN_EINVAL, "stride %d, must be > 0", -1), WN_EINVAL);
    CHECK_EQ_TEXT(wn_error_message(), "stride -1, must be > 0");
    CHECK_STATUS(wn__fail_within(WN_EUSAGE, "recipe.yaml:%d: ", 12), WN_EUSAGE);
    CHECK_EQ_TEXT(wn_error_message(), "recipe.yaml:12: stride -1, must be > 0");
    CHECK_STATUS(wn__fail(WN_EINVAL, "again: %s", wn_error_message()), WN_EINVAL);
    CHECK_EQ_TEXT(wn_error_message(), "again: recipe.yaml:12: stride -1, must be > 0");
}

TEST(errno_becomes_a_status_and_a_text)
{
    errno = ENOSPC;
    CHECK_STATUS(wn__fail_errno("cannot write %s", "x"), WN_ENOSPACE);
    CHECK_EQ_TEXT(wn_error_message(), "cannot write x: No space left on device");
    errno = ENOENT;
    CHECK_STATUS(wn__fail_errno("cannot open %s", "x"), WN_ENOTFOUND);
    errno = EACCES;
    CHECK_STATUS(wn__fail_errno("cannot open %s", "x"), WN_EIO);
    CHECK_EQ_TEXT(wn_error_message(), "cannot open x: Permission denied");
}

TEST(a_long_message_is_cut_not_overrun)
{
    char text[20000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    CHECK_STATUS(wn__fail(WN_EINVAL, "%s", text), WN_EINVAL);
    CHECK(strlen(wn_error_message()) > 1000);
    CHECK(strlen(wn_error_message()) < sizeof text - 1);
}

static void keep_line(void *user, wn_log_level level, const char *text) { snprintf(user, 100, "%d:%s", level, text); }

TEST(log_lines_reach_the_sink_or_nobody)
{
    char line[100] = "";
    wn__log(WN_LOG_ERROR, "nobody listens");
    wn_log_set_sink(keep_line, line);
    wn__log(WN_LOG_WARNING, "layer %d", 3);
    CHECK_EQ_TEXT(line, "2:layer 3");
    wn_log_set_sink(NULL, NULL);
    wn__log(WN_LOG_INFO, "nobody listens");
    CHECK_EQ_TEXT(line, "2:layer 3");
}

TEST(the_clock_never_runs_backwards)
{
    double before = wn__seconds();
    for (int i = 0; i < 1000; i++) {
        const double now = wn__seconds();
        CHECK(now >= before);
        before = now;
    }
}

TEST(stop_request_is_seen)
{
    CHECK(!wn_stop_requested());
    wn_request_stop();
    CHECK(wn_stop_requested());
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(every_status_has_a_name_and_a_text),
                                    RUN(version_is_that_of_the_headers),
                                    RUN(message_is_kept_and_can_be_prefixed),
                                    RUN(errno_becomes_a_status_and_a_text),
                                    RUN(a_long_message_is_cut_not_overrun),
                                    RUN(log_lines_reach_the_sink_or_nobody),
                                    RUN(the_clock_never_runs_backwards),
                                    RUN(stop_request_is_seen),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
