/* A program that has set a locale with decimal commas gets what all others get. */
#include <locale.h>

#include "base/text.h"
#include "tiny_recipe.h"
#include "winnow/flops.h"
#include "winnow/lab.h"
#include "winnow/report.h"
#include "winnow/show.h"
#include "winnow/sweep.h"

/* German, made in the scratch folder where the system has none. */
static void enter_locale(void)
{
    char command[1024];
    if (!setlocale(LC_ALL, "de_DE.UTF-8")) {
        snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s >/dev/null 2>&1", scratch_path("de_DE.UTF-8"));
        if (system(command) != 0) SKIP("no German locale, and localedef cannot make one (Debian: locales)");
        setenv("LOCPATH", scratch_folder, 1);
        if (!setlocale(LC_ALL, "de_DE.UTF-8")) SKIP("the German locale that localedef made cannot be used");
    }
    char text[16];
    snprintf(text, sizeof text, "%.1f", 0.5);
    CHECK_EQ_TEXT(text, "0,5");
}

static const char *const more = "mask: {layers: [\"re:^conv[0-9]\", \"f*\"]}\n"
                                "report: {claims: [\"lottery-ticket same as dense at 62.5% within 12.5\"]}\n"
                                "sweep: {method: lottery-ticket, trials: 2, space: {train.lr.cosine.base: {log: [0.015, 0.15]}}}\n";

/* Everything that reads or prints numbers, into `store`; *said collects the texts. */
static void do_all(const char *store, wn__text *said)
{
    char *text, buffer[64];
    const wn_run_options run = {.size = sizeof run, .recipe = tiny_recipe("tiny", more), .out = store};
    CHECK_OK(wn_recipe_resolve(&run, &text));
    wn__text_add(said, "%s\n", text);
    wn_text_free(text);
    CHECK_OK(wn_experiment_run(&run, NULL));
    CHECK_OK(wn_sweep_run(&WN_OPTIONS(wn_sweep_options, .run = &run), WN_SWEEP_CSV, &text, NULL));
    wn__text_add(said, "%s\n", text);
    wn_text_free(text);
    wn_flops_result flops;
    CHECK_OK(wn_flops(&WN_OPTIONS(wn_flops_options, .model = "resnet8", .flops_budget = "0.25x", .distribution = "erk", .power = "0.9"),
                      &flops));
    wn__text_add(said, "%lld %s %s\n", (long long)flops.flops, wn_show_bytes(123456789, buffer, sizeof buffer), flops.method[0].formula);
    wn_flops_release(&flops);
    const wn_run_options wrong = {
        .size = sizeof wrong, .recipe = run.recipe, .out = store, .set = (const char *const[]){"train.lr.cosine.base=-0.5"}, .sets = 1};
    CHECK_STATUS(wn_experiment_run(&wrong, NULL), WN_EUSAGE);
    wn__text_add(said, "%s\n", wn_error_message());
    for (int list = WN_LIST_METHODS; list <= WN_LIST_SECTIONS; list++)
        for (int i = 0; i < wn_list_count((wn_list)list); i++) {
            wn_setting_info s;
            for (int k = 0; wn_list_setting((wn_list)list, i, k, &s) == WN_OK; k++)
                wn__text_add(said, "%s=%s ", s.name, s.fallback ? s.fallback : "");
        }
}

static void add_reports(const char *store, wn__text *said)
{
    char folder[600];
    snprintf(folder, sizeof folder, "%s/tiny", store);
    for (int format = WN_REPORT_TEXT; format <= WN_REPORT_CLAIMS; format++) {
        char *text;
        CHECK_OK(wn_report_text(folder, (wn_report_format)format, NULL, &text));
        wn__text_add(said, "%s\n", text);
        wn_text_free(text);
    }
    CHECK_OK(wn_report_write(folder, NULL, NULL));
}

static void check_same_trees(const char *left, const char *right, int *compared)
{
    char **names;
    int count;
    CHECK_OK(wn__list_folder(left, &names, &count));
    for (int i = 0; i < count; i++) {
        char *a = wn__path_join(left, names[i]), *b = wn__path_join(right, names[i]);
        if (wn__folder_exists(a)) {
            check_same_trees(a, b, compared);
        } else if (strcmp(names[i], "metrics.jsonl") == 0 || strcmp(names[i], "stage.json") == 0 ||
                   strcmp(names[i], "resolved.yaml") == 0 || strcmp(names[i], "mask.safetensors") == 0 ||
                   strcmp(names[i], "final.safetensors") == 0) {
            check_same_bytes(a, b);
            (*compared)++;
        }
        wn__free(a);
        wn__free(b);
    }
    wn__free_names(names, count);
}

static void check_same_text(const wn__text *a, const wn__text *b)
{
    size_t i = 0;
    while (i < a->size && i < b->size && a->data[i] == b->data[i])
        i++;
    if (i < a->size || i < b->size)
        WN_TEST_FAIL("texts differ: \"%.60s\" and \"%.60s\"", a->data + (i > 20 ? i - 20 : 0), b->data + (i > 20 ? i - 20 : 0));
}

TEST(a_locale_with_decimal_commas_changes_no_byte)
{
    wn__text plain = {0}, german = {0};
    const char *one = scratch_path("plain"), *two = scratch_path("german");
    int compared = 0;
    do_all(one, &plain);
    add_reports(one, &plain);
    enter_locale();
    do_all(two, &german);
    add_reports(one, &german); /* of the same results: seconds differ from run to run */
    check_same_text(&plain, &german);
    check_same_trees(one, two, &compared);
    CHECK(compared > 8);
    CHECK_HAS_TEXT(setlocale(LC_ALL, NULL), "de_DE.UTF-8");
    wn__text_release(&plain);
    wn__text_release(&german);
}

TEST(the_page_and_its_figures_are_the_same)
{
    wn__text said = {0};
    const char *store = scratch_path("pages");
    CHECK_OK(wn_experiment_run(&WN_OPTIONS(wn_run_options, .recipe = tiny_recipe("tiny", ""), .out = store), NULL));
    add_reports(store, &said);
    CHECK(rename(scratch_path("pages/tiny/report.html"), scratch_path("report.html")) == 0);
    enter_locale();
    add_reports(store, &said);
    check_same_bytes(scratch_path("pages/tiny/report.html"), scratch_path("report.html"));
    wn__text_release(&said);
}

static int calls_left;

static void stop_at_call(void *user, const wn_progress *p)
{
    (void)p;
    if (--calls_left == 0) wn_stop_request(user);
}

/* A checkpoint keeps numbers as text. */
TEST(a_run_may_go_on_in_another_locale)
{
    wn_stop *stop = wn_stop_new();
    int compared = 0;
    const char *whole = scratch_path("whole"), *parts = scratch_path("parts");
    wn_run_options run = {.size = sizeof run, .recipe = tiny_recipe("tiny", ""), .out = whole, .user = stop};
    CHECK_OK(wn_experiment_run(&run, NULL));
    run.out = parts;
    run.stop = stop;
    run.progress = stop_at_call;
    calls_left = 4;
    CHECK_STATUS(wn_experiment_run(&run, NULL), WN_ESTOPPED);
    enter_locale();
    run.stop = NULL;
    CHECK_OK(wn_experiment_run(&run, NULL));
    check_same_trees(whole, parts, &compared);
    wn_stop_free(stop);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(a_locale_with_decimal_commas_changes_no_byte),
                                    RUN(the_page_and_its_figures_are_the_same),
                                    RUN(a_run_may_go_on_in_another_locale),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
