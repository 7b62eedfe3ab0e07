/* Reports of other metrics than accuracy: unit, direction, digits; and that those of accuracy stay as they were. */
#include <stdlib.h>
#include <sys/stat.h>

#include "io/json_file.h"
#include "report/report_tables.h"
#include "scratch_folder.h"
#include "winnow/report.h"

#define CLASSES WN_TEST_SOURCE "/report/classes"

static char *read_text(const char *folder, const char *name)
{
    char *path = wn__path_join(folder, name), *text;
    size_t size;
    CHECK_OK(wn__file_read(path, &text, &size));
    wn__free(path);
    return text;
}

static void write_text(const char *folder, const char *name, const char *text)
{
    char *path = wn__path_join(folder, name);
    CHECK_OK(wn__file_write(path, text, strlen(text)));
    wn__free(path);
}

/* A stand-in for gnuplot that keeps all scripts in figures.gp of the folder. */
static void use_drawer(const char *folder)
{
    wn__text script = {0};
    char *program = wn__path_join(folder, "gnuplot");
    wn__text_add(&script,
                 "#!/bin/sh\nfor f in *.gp; do echo \"# $f\"; cat $f; done >%s/figures.gp\n"
                 "for f in *.gp; do echo '<svg></svg>' >${f%%.gp}.svg; echo '%%%%EOF' >${f%%.gp}.pdf; done\n",
                 folder);
    write_text(folder, "gnuplot", script.data);
    CHECK_EQ_INT(chmod(program, 0700), 0);
    setenv("WINNOW_GNUPLOT", program, 1);
    wn__text_release(&script);
    wn__free(program);
}

static const char *copy_of_classes(const char *name)
{
    static const char *const files[] = {"results.json", "m.jsonl", "recipe.yaml"};
    const char *folder = scratch_fresh(name);
    CHECK_OK(wn__make_folders(folder));
    for (int i = 0; i < 3; i++) {
        char *text = read_text(CLASSES, files[i]);
        write_text(folder, files[i], text);
        wn__free(text);
    }
    use_drawer(folder);
    return folder;
}

/* Results of three methods over five seeds, each a little beside `value`, with learning curves that fall to it or rise. */
typedef struct made {
    const char *headline, *key, *margin, *claims;
    double dense, ticket[2], random[2]; /* at 80 and 98 % */
    bool one;                           /* sparsity alone: 80 % */
} made;

static void add_rows(const made *m, const char *folder, const char *method, double sparsity, double value, wn__text *rows)
{
    char name[64];
    wn__text lines = {0};
    snprintf(name, sizeof name, "%s-%g.jsonl", method, sparsity);
    for (int seed = 0; seed < 5; seed++) {
        const double own = value * (1 + 0.002 * ((seed * 7) % 5 - 2));
        wn__text_add(rows, "%s{\"method\": \"%s\", \"sparsity\": %g, \"seed\": %d, \"state\": \"done\", ", rows->size ? ",\n" : "", method,
                     sparsity, seed);
        wn__text_add(rows, "\"test_%s\": %.12g, \"test_%s_at_best_validation\": %.12g, \"validation_%s\": %.12g, ", m->key, own, m->key,
                     own, m->key, own);
        wn__text_add(rows, "\"test_loss\": %.12g, \"train_flops_total\": %g, \"metrics\": \"%s\"}", own / 2, 1e12 * (2 - sparsity), name);
    }
    for (int epoch = 1; epoch <= 40; epoch++)
        wn__text_add(&lines, "{\"epoch\": %d, \"split\": \"validation\", \"%s\": %.12g, \"loss\": 1}\n", epoch, m->key,
                     value * (1 + 200.0 / (epoch * epoch)));
    write_text(folder, name, lines.data);
    wn__text_release(&lines);
}

static const char *make(const made *m, const char *name)
{
    static const double sparsity[] = {0.8, 0.98};
    wn__text rows = {0}, all = {0};
    const char *folder = scratch_fresh(name);
    CHECK_OK(wn__make_folders(folder));
    add_rows(m, folder, "dense", 0, m->dense, &rows);
    for (int i = 0; i < (m->one ? 1 : 2); i++)
        add_rows(m, folder, "ticket", sparsity[i], m->ticket[i], &rows);
    for (int i = 0; i < (m->one ? 1 : 2); i++)
        add_rows(m, folder, "random", sparsity[i], m->random[i], &rows);
    wn__text_add(&all, "{\"format\": \"winnow-results\", \"version\": 1, \"name\": \"own\", \"headline\": \"%s\", ", m->headline);
    wn__text_add(&all, "\"compare\": {\"methods\": [\"dense\", \"ticket\", \"random\"]}, \"report\": {\"baseline\": [\"dense\"], ");
    wn__text_add(&all, "\"margin\": %s, \"claims\": [%s]}, \"rows\": [%s]}\n", m->margin, m->claims, rows.data);
    write_text(folder, "results.json", all.data);
    write_text(folder, "resolved.yaml", "name: own\n");
    use_drawer(folder);
    wn__text_release(&rows);
    wn__text_release(&all);
    return folder;
}

#define BETTER "\"ticket better than random\", \"random better than dense at 80%\", \"ticket better than random in loss at 80%\""
static const made regression = {"mse",        "mse", "0.001", BETTER ", \"ticket same as dense at 80%\"", 0.0123, {0.01232, 0.031},
                                {0.02, 0.61}, false};
static const made labels = {"mean-average-precision", "mean_average_precision", "0.3", BETTER, 0.62, {0.619, 0.5}, {0.55, 0.2}, false};

static char *text_of(const char *folder, wn_report_format format, const char *metric)
{
    const wn_report_options options = {.size = sizeof options, .metric = metric};
    char *text = NULL;
    CHECK_OK(wn_report_text(folder, format, &options, &text));
    return text;
}

/* --- accuracy ----------------------------------------------------------------------------------------------------------------- */

/* The page but for the version that it names, its style and its scripts. */
static void drop(char *page, const char *from, const char *to)
{
    for (char *at = page; (at = strstr(at, from));) {
        const char *end = strstr(at, to);
        CHECK(end);
        memmove(at, end + strlen(to), strlen(end + strlen(to)) + 1);
    }
}

static void drop_version(char *page)
{
    drop(page, "<meta http-equiv", ">\n");
    drop(page, "<style>", "</style>\n");
    drop(page, "<script", "</script>\n");
    const char version[] = "Winnow " WN_VERSION;
    char *at = strstr(page, version);
    CHECK(at);
    memmove(at + 6, at + sizeof version - 1, strlen(at + sizeof version - 1) + 1);
}

TEST(results_of_classes_give_the_bytes_that_they_gave)
{
    static const struct {
        wn_report_format format;
        const char *name;
    } texts[] = {{WN_REPORT_TEXT, "report.txt"}, {WN_REPORT_CSV, "report.csv"}, {WN_REPORT_LATEX, "report.tex"}};
    const char *folder = copy_of_classes("classes");
    for (int i = 0; i < 3; i++) {
        char *now = text_of(folder, texts[i].format, NULL), *before = read_text(CLASSES, texts[i].name);
        CHECK_EQ_TEXT(now, before);
        wn__free(now);
        wn__free(before);
    }
    CHECK_OK(wn_report_write(folder, NULL, NULL));
    check_same_file(folder, CLASSES, "figures.gp");
    char *now = read_text(folder, "report.html"), *before = read_text(CLASSES, "report.html");
    drop_version(now);
    CHECK_EQ_TEXT(now, before);
    wn__free(now);
    wn__free(before);
}

TEST(another_metric_is_shown_by_name_beside_the_headline)
{
    const char *folder = copy_of_classes("loss");
    const wn_report_options loss = {.size = sizeof loss, .metric = "loss"};
    wn_report_files files;
    char *text = text_of(folder, WN_REPORT_TEXT, "loss");
    CHECK_HAS_TEXT(text, "Test loss and its price");
    CHECK_HAS_TEXT(text, "dense                 0%  5     0.07800  ±0.00196");
    CHECK_HAS_TEXT(text, "Shown: test loss of the last epoch, less is better (the headline is");
    CHECK_HAS_TEXT(text, "same as dense                                  90%  5       -0.08  ±0.02  supported"); /* claims stay */
    CHECK_HAS_TEXT(text, "the recipe says none for loss");
    wn__free(text);
    CHECK_OK(wn_report_write(folder, &loss, &files));
    CHECK_HAS_TEXT(files.page, "/report-loss.html");
    text = read_text(folder, "report-loss.html");
    CHECK_HAS_TEXT(text, "href=\"figures-loss/loss.svg\"");
    CHECK(wn__file_exists(scratch_path("loss/figures-loss/loss.svg")) && !wn__file_exists(scratch_path("loss/report.html")));
    wn__free(text);
    text = read_text(folder, "figures.gp");
    CHECK_HAS_TEXT(text, "set ylabel 'validation loss'");
    wn__free(text);
    CHECK_STATUS(wn_report_text(folder, WN_REPORT_TEXT, &(wn_report_options){sizeof loss, "mse"}, &text), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "no finished run has the metric mse; there are: loss, accuracy, soft-error");
    CHECK_STATUS(wn_report_text(folder, WN_REPORT_TEXT, &(wn_report_options){sizeof loss, "f1"}, &text), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "unknown metric 'f1'; valid: loss, accuracy");
}

/* --- others ------------------------------------------------------------------------------------------------------------------- */

TEST(a_regression_is_told_in_its_own_unit)
{
    const char *folder = make(&regression, "regression");
    char *text = text_of(folder, WN_REPORT_TEXT, NULL);
    CHECK_HAS_TEXT(text, "Test mean squared error and its price");
    CHECK_HAS_TEXT(text, "dense         0%  5     0.01230  ±0.00005  0.00004    0.01230");
    CHECK_HAS_TEXT(text, "within 1%: at");
    CHECK_HAS_TEXT(text, "ticket          80%            80%");   /* matches dense within 0.001 */
    CHECK_HAS_TEXT(text, "random         none           none\n"); /* larger is not better */
    CHECK_HAS_TEXT(text, "Matches: not above dense by more than 0.001,");
    CHECK(!strstr(text, "accuracy") && !strstr(text, "points"));
    wn__free(text);
    text = text_of(folder, WN_REPORT_CSV, NULL);
    CHECK_HAS_TEXT(text, "method,sparsity,n,test_mse,test_mse_sd,test_mse_ci95,");
    CHECK_HAS_TEXT(text, ",difference_from_dense,difference_from_dense_sd,");
    CHECK_HAS_TEXT(text, "\r\ndense,0.0,5,0.01229");
    wn__free(text);
    text = text_of(folder, WN_REPORT_LATEX, NULL);
    CHECK_HAS_TEXT(text, "\\caption{Test mean squared error and its price.");
    wn__free(text);
}

TEST(claims_and_verdicts_follow_the_direction)
{
    const char *folder = make(&regression, "claims");
    char *text = text_of(folder, WN_REPORT_TEXT, NULL);
    CHECK_HAS_TEXT(text, "ticket better than random                      80%  5    -0.00768  ±0.00003  supported");
    CHECK_HAS_TEXT(text, "98%  5    -0.57900  ±0.00227  supported");
    CHECK_HAS_TEXT(text, "random better than dense at 80%                80%  5    +0.00770  ±0.00003  contradicted");
    CHECK_HAS_TEXT(text, "ticket better than random in loss at 80%       80%  5    -0.00384  ±0.00002  supported");
    CHECK_HAS_TEXT(text, "ticket same as dense at 80%                    80%  5    +0.00002  ±0.00000  supported");
    CHECK_HAS_TEXT(text, "the whole 95 % interval lies below 0 (supported), at or above 0 (contradicted)");
    CHECK_HAS_TEXT(text, "+0.00770  ±0.00003  contradicted  contradicted"); /* better; same */
    wn__free(text);
    folder = make(&labels, "labels");
    text = text_of(folder, WN_REPORT_TEXT, NULL);
    CHECK_HAS_TEXT(text, "Test mean average precision in % and its price");
    CHECK_HAS_TEXT(text, "ticket better than random                      80%  5       +6.90    ±0.03  supported");
    CHECK_HAS_TEXT(text, "random better than dense at 80%                80%  5       -7.00    ±0.03  contradicted");
    CHECK_HAS_TEXT(text, "ticket better than random in loss at 80%       80%  5     +0.0345  ±0.0001  contradicted");
    wn__free(text);
}

TEST(without_a_margin_nothing_is_the_same)
{
    made m = regression;
    m.margin = "null";
    char *text = text_of(make(&m, "no-margin"), WN_REPORT_TEXT, NULL);
    CHECK_HAS_TEXT(text, "ticket same as dense at 80%                    80%  5    +0.00002  ±0.00000  no margin");
    CHECK_HAS_TEXT(text, "same: needs a margin, and the recipe says none for mean squared error.");
    CHECK(!strstr(text, "Largest sparsity that still matches dense"));
    wn__free(text);
}

TEST(figures_have_titles_scales_and_edges_of_the_metric)
{
    wn_report_files files;
    const char *folder = make(&regression, "figures");
    CHECK_OK(wn_report_write(folder, NULL, &files));
    char *text = read_text(folder, "figures.gp"), *page = read_text(folder, "report.html");
    CHECK_HAS_TEXT(text, "# mse.gp");
    CHECK_HAS_TEXT(text, "set ylabel 'test mean squared error'");
    CHECK_HAS_TEXT(text, "set ylabel 'validation mean squared error'");
    CHECK_HAS_TEXT(text, "set ylabel 'difference'");
    CHECK_HAS_TEXT(text, "set logscale y\nset yrange [0.0111");
    CHECK_HAS_TEXT(text, "set ytics (0.02, 0.05, 0.1, 0.2, 0.5)");
    CHECK_HAS_TEXT(text, "with points ls 2 pt 9 ps 1.2"); /* far above the panel of prices */
    CHECK(!strstr(text, "ccuracy"));
    CHECK_HAS_TEXT(page, "<h2>Mean squared error against sparsity</h2>");
    CHECK_HAS_TEXT(page, "<table id=\"mse\">");
    CHECK_HAS_TEXT(page, "Headline: test mean squared error of the last epoch, less is better; best val.");
    CHECK_HAS_TEXT(page, "whose mean squared error is at most so many percent above that of dense");
    CHECK_HAS_TEXT(page, "a triangle at the upper edge is far above.");
    CHECK_HAS_TEXT(page, "<b>0.01230 ± 0.00005</b><span>dense, test mean squared error</span>");
    CHECK(!strstr(page, "ccuracy"));
    wn__free(text);
    wn__free(page);
    folder = make(&labels, "figures");
    CHECK_OK(wn_report_write(folder, NULL, &files));
    text = read_text(folder, "figures.gp");
    page = read_text(folder, "report.html");
    CHECK_HAS_TEXT(page, "within the margin of 0.3 points (or those said)");
    wn__free(page);
    CHECK_HAS_TEXT(text, "set ylabel 'test mean average precision (%)'");
    CHECK_HAS_TEXT(text, "set ylabel 'points'");
    CHECK(!strstr(text, "set logscale y"));
    wn__free(text);
}

/* Where the axes of the first panel begin, as a part of the figure's width. */
static double left_edge(const char *script)
{
    const char *at = strstr(script, "set lmargin at screen ");
    CHECK(at);
    return strtod(at + strlen("set lmargin at screen "), NULL);
}

TEST(wide_labels_of_values_have_room_beside_the_title_of_the_axis)
{
    made m = labels;
    const char *folder = make(&m, "narrow");
    CHECK_OK(wn_report_write(folder, NULL, NULL));
    char *text = read_text(folder, "figures.gp"), *shares = strstr(text, "# mean_average_precision.gp");
    const double usual = left_edge(shares);
    wn__free(text);
    m = regression;
    m.dense = m.ticket[0] = m.ticket[1] = 0.00012;
    m.random[0] = m.random[1] = 0.00013;
    folder = make(&m, "wide");
    CHECK_OK(wn_report_write(folder, NULL, NULL));
    text = read_text(folder, "figures.gp");
    CHECK(left_edge(strstr(text, "# mse.gp")) > 1.4 * usual);
    wn__free(text);
}

TEST(one_sparsity_gives_each_method_a_line_of_its_own)
{
    made m = labels;
    m.one = true;
    m.claims = "\"ticket better than random\"";
    const char *folder = make(&m, "one-sparsity");
    CHECK_OK(wn_report_write(folder, NULL, NULL));
    char *text = read_text(folder, "figures.gp");
    CHECK_HAS_TEXT(text, "set yrange [1.5:-0.5]\nset ylabel ''\nset xlabel 'test mean average precision (%), at 80%'");
    CHECK_HAS_TEXT(text, "set ytics ('ticket' 0, 'random' 1)");
    CHECK_HAS_TEXT(text, "with xerrorbars");
    CHECK(!strstr(text, "set xlabel 'sparsity'"));
    wn__free(text);
}

TEST(lines_between_networks_have_no_errors_where_there_are_no_classes)
{
    static const char study[] =
        "{\"format\": \"winnow-study\", \"version\": 1, \"seeds\": [0], \"sparsity\": [0.8], \"measurements\": [], \"lines\": [{\"of\": "
        "[\"ticket\", \"random\"], \"sparsity\": 0.8, \"seed\": 0, \"position\": [0, 0.5, 1], \"train_loss\": [1, 2, 1], "
        "\"train_error\": [%s, %s, %s], \"test_loss\": [1, 2, 1], \"test_error\": [%s, %s, %s]}]}\n";
    for (int classes = 0; classes < 2; classes++) {
        const char *folder = make(&regression, "lines"), *e = classes ? "0.5" : "null";
        char all[1024];
        snprintf(all, sizeof all, study, e, e, e, e, e, e);
        write_text(folder, "study.json", all);
        CHECK_OK(wn_report_write(folder, NULL, NULL));
        char *text = read_text(folder, "figures.gp");
        CHECK_HAS_TEXT(text, "training loss");
        CHECK((strstr(text, "test error, %") != NULL) == classes);
        wn__free(text);
    }
}

TEST(experiments_of_other_headlines_are_not_merged)
{
    const char *const both[] = {make(&regression, "one"), make(&labels, "two")};
    CHECK_STATUS(wn_report_merge(both, 2, scratch_path("merged")), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), "another headline than before: mean-average-precision against mse");
}

TEST(an_unknown_headline_is_refused)
{
    made m = regression;
    char *text;
    m.headline = "f1";
    CHECK_STATUS(wn_report_text(make(&m, "unknown"), WN_REPORT_TEXT, NULL, &text), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "the headline \"f1\" is no metric that this program knows");
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(results_of_classes_give_the_bytes_that_they_gave),
                                    RUN(another_metric_is_shown_by_name_beside_the_headline),
                                    RUN(a_regression_is_told_in_its_own_unit),
                                    RUN(claims_and_verdicts_follow_the_direction),
                                    RUN(without_a_margin_nothing_is_the_same),
                                    RUN(figures_have_titles_scales_and_edges_of_the_metric),
                                    RUN(wide_labels_of_values_have_room_beside_the_title_of_the_axis),
                                    RUN(one_sparsity_gives_each_method_a_line_of_its_own),
                                    RUN(lines_between_networks_have_no_errors_where_there_are_no_classes),
                                    RUN(experiments_of_other_headlines_are_not_merged),
                                    RUN(an_unknown_headline_is_refused),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
