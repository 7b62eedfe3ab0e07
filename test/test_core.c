#include <errno.h>

#include "base/fail.h"
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

TEST(version_is_that_of_the_headers) { CHECK_EQ_TEXT(wn_version(), WN_VERSION); }

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
    char text[5000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    CHECK_STATUS(wn__fail(WN_EINVAL, "%s", text), WN_EINVAL);
    CHECK(strlen(wn_error_message()) > 1000);
    CHECK(strlen(wn_error_message()) < sizeof text - 1);
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
                                    RUN(stop_request_is_seen),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
