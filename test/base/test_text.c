#include "base/text.h"
#include "test.h"

TEST(text_grows_and_stays_terminated)
{
    wn__text t = {0};
    for (int i = 0; i < 1000; i++)
        wn__text_add(&t, "%03d,", i);
    wn__text_add_bytes(&t, "\0end", 4);
    wn__text_add_bytes(&t, NULL, 0);
    CHECK(!t.failed);
    CHECK_EQ_INT(t.size, 4004);
    CHECK(strncmp(t.data, "000,001,", 8) == 0);
    CHECK(memcmp(t.data + 3996, "999,\0end", 9) == 0);
    wn__text_release(&t);
    CHECK(!t.data && t.size == 0);
    wn__text_release(&t);
}

static bool matches(const char *pattern, const char *name)
{
    bool result;
    CHECK_OK(wn__name_matches(pattern, name, &result));
    return result;
}

TEST(globs_match_the_whole_name)
{
    CHECK(matches("layer1.*", "layer1.0.conv1.weight"));
    CHECK(!matches("layer1", "layer1.0"));
    CHECK(matches("conv?", "conv1") && !matches("conv?", "conv12"));
    CHECK(matches("conv[12]", "conv2") && !matches("conv[12]", "conv3"));
}

TEST(regular_expressions_match_anywhere)
{
    CHECK(matches("re:conv[0-9]+", "layer1.conv12.weight"));
    CHECK(!matches("re:^conv", "layer1.conv"));
    bool result;
    CHECK_STATUS(wn__name_matches("re:(", "x", &result), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "\"re:(\" is not a regular expression");
}

TEST(counts_are_grouped)
{
    char b[32];
    CHECK_EQ_TEXT(wn_show_count(0, b, sizeof b), "0");
    CHECK_EQ_TEXT(wn_show_count(999, b, sizeof b), "999");
    CHECK_EQ_TEXT(wn_show_count(1000, b, sizeof b), "1,000");
    CHECK_EQ_TEXT(wn_show_count(1234567, b, sizeof b), "1,234,567");
    CHECK_EQ_TEXT(wn_show_count(-123456, b, sizeof b), "-123,456");
    CHECK_EQ_TEXT(wn_show_count(INT64_MIN, b, sizeof b), "-9,223,372,036,854,775,808");
}

TEST(bytes_have_units)
{
    char b[32];
    CHECK_EQ_TEXT(wn_show_bytes(999, b, sizeof b), "999 B");
    CHECK_EQ_TEXT(wn_show_bytes(1000, b, sizeof b), "1.0 kB");
    CHECK_EQ_TEXT(wn_show_bytes(1234567, b, sizeof b), "1.2 MB");
    CHECK_EQ_TEXT(wn_show_bytes(999960000, b, sizeof b), "1.0 GB");
    CHECK_EQ_TEXT(wn_show_bytes(INT64_C(5000000000000000), b, sizeof b), "5000.0 TB");
}

TEST(seconds_have_units)
{
    char b[32];
    CHECK_EQ_TEXT(wn_show_seconds(0.456, b, sizeof b), "0.46 s");
    CHECK_EQ_TEXT(wn_show_seconds(12.34, b, sizeof b), "12.3 s");
    CHECK_EQ_TEXT(wn_show_seconds(59.99, b, sizeof b), "1 min 00 s");
    CHECK_EQ_TEXT(wn_show_seconds(125, b, sizeof b), "2 min 05 s");
    CHECK_EQ_TEXT(wn_show_seconds(7500, b, sizeof b), "2 h 05 min");
    CHECK_EQ_TEXT(wn_show_seconds(3599.9, b, sizeof b), "1 h 00 min");
    CHECK_EQ_TEXT(wn_show_seconds(273600, b, sizeof b), "3 d 04 h");
}

TEST(the_nearest_name_is_found_if_it_is_near)
{
    static const char *const names[] = {"momentum", "nesterov", "weight_decay"};
    CHECK_EQ_TEXT(wn_nearest_name("momentom", names, 3), "momentum");
    CHECK_EQ_TEXT(wn_nearest_name("weightdecay", names, 3), "weight_decay");
    CHECK(!wn_nearest_name("colour", names, 3));
    CHECK(!wn_nearest_name("momentum", names, 0));
    CHECK(!wn_nearest_name("0123456789012345678901234567890123456789012345678901234567890123456789", names, 3));
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(text_grows_and_stays_terminated),
                                    RUN(globs_match_the_whole_name),
                                    RUN(regular_expressions_match_anywhere),
                                    RUN(counts_are_grouped),
                                    RUN(bytes_have_units),
                                    RUN(seconds_have_units),
                                    RUN(the_nearest_name_is_found_if_it_is_near),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
