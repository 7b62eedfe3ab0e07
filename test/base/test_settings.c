#include "base/settings.h"
#include "test.h"

typedef struct config {
    bool nesterov;
    int64_t rounds, anything;
    double momentum, required;
    const char *note;
    int scope;
    wn__steps until;
    double sparsity;
} config;

static const char *const scopes[] = {"global", "layer", NULL};
static const wn__setting rows[] = {WN_SETTING_BOOL(config, nesterov, false, "look-ahead gradient"),
                                   WN_SETTING_INT(config, rounds, 3, 1, 100, "rounds of pruning"),
                                   WN_SETTING_INT(config, anything, -5, 0, 0, "unbounded"),
                                   WN_SETTING_FLOAT(config, momentum, 0.9, 0, 1, "fraction of the last update that is kept"),
                                   {"required", WN__SETTING_FLOAT, offsetof(config, required), 0, 0, NULL, NULL, "no default"},
                                   WN_SETTING_TEXT(config, note, "none", "any words"),
                                   WN_SETTING_CHOICE(config, scope, "layer", scopes, "what competes"),
                                   WN_SETTING_STEPS(config, until, "33%", "end"),
                                   WN_SETTING_SPARSITY(config, sparsity, "90%", "zeros"),
                                   {0}};

TEST(defaults_are_set)
{
    config c = {.required = 0};
    CHECK_OK(wn__settings_defaults(rows, &c));
    CHECK(!c.nesterov);
    CHECK_EQ_INT(c.rounds, 3);
    CHECK_EQ_INT(c.anything, -5);
    CHECK(c.momentum == 0.9 && c.required == 0);
    CHECK_EQ_TEXT(c.note, "none");
    CHECK_EQ_INT(c.scope, 1);
    CHECK(c.until.amount == 33 && c.until.unit == '%');
    CHECK(c.sparsity == 0.9);
}

static void check_shown(const char *name, const char *text, const char *want)
{
    config c;
    char shown[64], again[64];
    CHECK_OK(wn__settings_defaults(rows, &c));
    CHECK_OK(wn__settings_set(rows, &c, name, text));
    const wn__setting *row = wn__settings_find(rows, name);
    CHECK_EQ_TEXT(wn__settings_show(row, &c, shown, sizeof shown), want);
    CHECK_OK(wn__settings_set(rows, &c, name, shown));
    CHECK_EQ_TEXT(wn__settings_show(row, &c, again, sizeof again), want);
}

TEST(values_are_set_and_shown_as_they_read_back)
{
    check_shown("nesterov", "yes", "true");
    check_shown("nesterov", "off", "false");
    check_shown("rounds", "100", "100");
    check_shown("anything", "-9223372036854775808", "-9223372036854775808");
    check_shown("momentum", "0.1", "0.1");
    check_shown("momentum", "5e-1", "0.5");
    check_shown("nesterov", "True", "true");
    check_shown("nesterov", "YES", "true");
    check_shown("nesterov", "No", "false");
    check_shown("required", "2e-4", "0.0002");
    check_shown("required", "0.30000000000000004", "0.30000000000000004");
    check_shown("required", "-1.5", "-1.5");
    check_shown("note", "a b", "a b");
    check_shown("scope", "global", "global");
    check_shown("until", "160ep", "160ep");
    check_shown("until", "500it", "500it");
    check_shown("until", "12.5%", "12.5%");
    check_shown("sparsity", "20x", "0.95");
}

static void check_refused(const char *name, const char *text, const char *message)
{
    config c, before;
    memset(&c, 0, sizeof c);
    CHECK_OK(wn__settings_defaults(rows, &c));
    before = c;
    CHECK_STATUS(wn__settings_set(rows, &c, name, text), WN_EUSAGE);
    CHECK_EQ_TEXT(wn_error_message(), message);
    CHECK(c.rounds == before.rounds && c.momentum == before.momentum && c.scope == before.scope && c.sparsity == before.sparsity);
    CHECK(c.until.amount == before.until.amount && c.nesterov == before.nesterov);
}

TEST(wrong_values_are_refused_with_what_is_valid)
{
    check_refused("nesterov", "maybe", "nesterov: \"maybe\" is neither true nor false");
    check_refused("rounds", "0", "rounds: 0 is out of range, valid is 1 to 100");
    check_refused("rounds", "101", "rounds: 101 is out of range, valid is 1 to 100");
    check_refused("rounds", "2.5", "rounds: \"2.5\" is no whole number");
    check_refused("rounds", "", "rounds: \"\" is no whole number");
    check_refused("anything", "9223372036854775808", "anything: \"9223372036854775808\" is no whole number");
    check_refused("momentum", "1.01", "momentum: 1.01 is out of range, valid is 0 to 1");
    check_refused("momentum", "nan", "momentum: \"nan\" is no number");
    check_refused("momentum", "inf", "momentum: \"inf\" is no number");
    check_refused("momentum", "0x1", "momentum: \"0x1\" is no number");
    check_refused("momentum", "1e999", "momentum: \"1e999\" is no number");
    check_refused("momentum", "0.5 ", "momentum: \"0.5 \" is no number");
    check_refused("momentum", "0,5", "momentum: \"0,5\" is no number (decimals stand behind a point: 0.5)");
    check_refused("until", "1e98ep", "until: \"1e98ep\" is too long a time in training; at most 1e12");
    check_refused("scope", "globl", "scope: unknown choice \"globl\"; did you mean \"global\"? valid: global, layer");
    check_refused("until", "160", "until: \"160\" is no time in training; write 160ep (epochs), 500it (steps) or 33% (of the run)");
    check_refused("sparsity", "1.0",
                  "sparsity: \"1.0\" is no sparsity; it is at least 0 and below 1: write 90%, 0.9, 0.1d (density) or 10x (compression)");
}

TEST(unknown_names_are_refused_with_the_valid_ones)
{
    check_refused("colour", "1",
                  "unknown setting \"colour\"; valid: nesterov, rounds, anything, momentum, required, note, scope, until, sparsity");
    check_refused(
        "momentom", "1",
        "unknown setting \"momentom\"; did you mean \"momentum\"? valid: nesterov, rounds, anything, momentum, required, note, scope, until, "
        "sparsity");
    static const wn__setting none[] = {{0}};
    CHECK_STATUS(wn__settings_set(none, NULL, "x", "1"), WN_EUSAGE);
    CHECK_EQ_TEXT(wn_error_message(), "unknown setting \"x\"; valid: none");
    CHECK(!wn__settings_find(rows, "x"));
}

TEST(the_four_forms_of_a_sparsity_are_the_same_number)
{
    static const struct {
        const char *text;
        double want;
    } cases[] = {{"0", 0},        {"0%", 0},    {"1x", 0},     {"1d", 0},     {"90%", 0.9},    {"0.9", 0.9},
                 {"0.1d", 0.9},   {"10x", 0.9}, {"98%", 0.98}, {"50x", 0.98}, {"0.02d", 0.98}, {"99.5%", 0.995},
                 {"200x", 0.995}, {"10%", 0.1}, {"0.9d", 0.1}, {"80%", 0.8},  {"5x", 0.8},     {"3x", 0.666666666667}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double s = -1;
        CHECK_OK(wn__sparsity_parse(cases[i].text, &s));
        CHECK(s == cases[i].want);
    }
}

TEST(impossible_sparsities_are_refused)
{
    static const char *const wrong[] = {"1.0", "1",   "100%", "1.5", "90", "-0.1", "0d",   "0x",    "0.5x",
                                        "2d",  "nan", "inf",  "",    "%",  "ten",  "90 %", "0.9dd", "-10x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        double s = 0.25;
        CHECK_STATUS(wn__sparsity_parse(wrong[i], &s), WN_EUSAGE);
        CHECK_HAS_TEXT(wn_error_message(), wrong[i]);
        CHECK(s == 0.25);
    }
}

static int64_t resolve(const char *text)
{
    wn__steps s;
    CHECK_OK(wn__steps_parse(text, &s));
    return wn__steps_resolve(s, 391, 71162);
}

TEST(times_resolve_to_steps_rounded_half_up)
{
    CHECK_EQ_INT(resolve("2ep"), 782);
    CHECK_EQ_INT(resolve("0.5ep"), 196);
    CHECK_EQ_INT(resolve("500it"), 500);
    CHECK_EQ_INT(resolve("100%"), 71162);
    CHECK_EQ_INT(resolve("33%"), 23483);
    CHECK_EQ_INT(resolve("0"), 0);
    CHECK_EQ_INT(resolve("0ep"), 0);
    CHECK_EQ_INT(wn__steps_resolve((wn__steps){1e12, 'e'}, 1000000000, 1), 1000000000000000000);
}

TEST(impossible_times_are_refused)
{
    static const char *const wrong[] = {"5", "ep", "-1ep", "5 ep", "5epochs", "nanit", "", "5%%"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        wn__steps s;
        CHECK_STATUS(wn__steps_parse(wrong[i], &s), WN_EUSAGE);
        CHECK_HAS_TEXT(wn_error_message(), wrong[i]);
    }
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(defaults_are_set),
                                    RUN(values_are_set_and_shown_as_they_read_back),
                                    RUN(wrong_values_are_refused_with_what_is_valid),
                                    RUN(unknown_names_are_refused_with_the_valid_ones),
                                    RUN(the_four_forms_of_a_sparsity_are_the_same_number),
                                    RUN(impossible_sparsities_are_refused),
                                    RUN(times_resolve_to_steps_rounded_half_up),
                                    RUN(impossible_times_are_refused),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
