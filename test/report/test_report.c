#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "io/digest.h"
#include "io/json_file.h"
#include "recipe/claims.h"
#include "report/gnuplot.h"
#include "report/report_html.h"
#include "report/report_tables.h"
#include "test.h"
#include "winnow/report.h"

/* A folder with results of three methods at two sparsities over two seeds; one row is not finished. */
typedef struct folder {
    char path[64];
} folder;

static void write_file(const char *where, const char *name, const char *text)
{
    char *path = wn__path_join(where, name);
    CHECK(path);
    CHECK_OK(wn__file_write(path, text, strlen(text)));
    wn__free(path);
}

static void add_row(wn__text *t, const char *method, double sparsity, int seed, double accuracy)
{
    const bool soft = strncmp(method, "kd", 2) == 0;
    wn__text_add(t, "%s{\"method\": \"%s\", \"sparsity\": %g, \"seed\": %d, \"state\": \"done\", \"test_accuracy\": %.4f, ",
                 t->size ? ",\n" : "", method, sparsity, seed, accuracy);
    wn__text_add(t, "\"test_accuracy_at_best_validation\": %.4f, \"validation_accuracy\": 0.9, \"parameters\": %.0f, \"bytes\": 4000, ",
                 accuracy - 0.001, 1000 * (1 - sparsity));
    wn__text_add(t, "\"train_flops_stage\": 1.5e12, \"train_flops_total\": 3e12, \"seconds\": 12.5, \"metrics\": \"m.jsonl\", ");
    wn__text_add(
        t, "\"labels\": %s, ",
        soft ? "{\"kind\": \"soft\", \"temperature\": 5, \"alpha\": 0.9, \"kl\": \"mean\", \"kl_weight\": 2.25, \"gradient_scale\": 0.45}"
             : "{\"kind\": \"hard\"}");
    wn__text_add(t, "\"layers\": [{\"name\": \"a.weight\", \"count\": 900, \"nonzero\": %.0f, \"selected\": true}]}", 900 * (1 - sparsity));
}

/* A recipe of an older program: it lacks keys. */
static const char resolved[] =
    "name: a\nthreads: 2\ndata: {set: shapes, augment: []}\nmodel: {arch: lenet5}\n"
    "train: {steps: 20, optimizer: {sgd: {momentum: 0.9}}, lr: {constant: {base: 0.1}}}\n"
    "methods: {dense: {like: dense, mask: none}, 'kd-<&_ticket': {like: kd-ticket}, lottery-ticket: {like: lottery-ticket, mask: {from: pruned, rounds: 1}}}\n"
    "compare: {methods: [dense, lottery-ticket], sparsity: [0.9], seeds: [0]}\n";

static folder new_folder(int seeds)
{
    folder f = {"/tmp/winnow-test-report-XXXXXX"};
    wn__text rows = {0}, all = {0};
    CHECK(mkdtemp(f.path));
    for (int s = 0; s < seeds; s++)
        add_row(&rows, "dense", 0, s, 0.92 + 0.001 * s);
    for (int sparse = 0; sparse < 2; sparse++)
        for (int s = 0; s < seeds; s++)
            add_row(&rows, "kd-<&_ticket", sparse ? 0.98 : 0.9, s, (sparse ? 0.88 : 0.9190) + 0.0011 * s);
    for (int s = 0; s < seeds; s++)
        add_row(&rows, "lottery-ticket", 0.9, s, 0.91 + 0.001 * s);
    wn__text_add(&all, "{\"format\": \"winnow-results\", \"version\": 1, \"name\": \"a <b> & c\", \"recipe\": \"recipe.yaml\", "
                       "\"model\": {\"arch\": \"lenet5\"},\n");
    wn__text_add(&all, "\"compare\": {\"methods\": [\"dense\", \"kd-<&_ticket\", \"lottery-ticket\"]}, "
                       "\"report\": {\"baseline\": [\"dense\", \"lottery-ticket\"], \"margin\": 0.3},\n");
    wn__text_add(&all, "\"rows\": [%s,\n{\"method\": \"lottery-ticket\", \"sparsity\": 0.98, \"seed\": 0, \"state\": \"waiting\"}]}\n",
                 rows.data);
    write_file(f.path, "results.json", all.data);
    write_file(f.path, "recipe.yaml", "name: \"<script>\"\n");
    write_file(f.path, "resolved.yaml", resolved);
    write_file(f.path, "m.jsonl",
               "{\"epoch\":1,\"split\":\"validation\",\"accuracy\":0.5}\n{\"epoch\":2,\"split\":\"validation\",\"accuracy\":0.9}\n"
               "{\"epoch\":2,\"split\":\"train\",\"accuracy\":0.95}\n");
    wn__text_release(&rows);
    wn__text_release(&all);
    return f;
}

static char *text_of(const char *where, wn_report_format format)
{
    char *text = NULL;
    CHECK_OK(wn_report_text(where, format, NULL, &text));
    return text;
}

TEST(cells_differences_and_baselines_are_found)
{
    const folder f = new_folder(2);
    wn__results *r;
    CHECK_OK(wn__results_read(f.path, NULL, &r));
    CHECK_EQ_INT(r->row_count, 8);
    CHECK_EQ_INT(r->unfinished, 1);
    CHECK_EQ_INT(r->cell_count, 4);
    const wn__cell *ticket = wn__results_find(r, "kd-<&_ticket", 0.9), *dense = wn__results_baseline(r, "dense", 0.9);
    CHECK(ticket && dense && dense->sparsity == 0);
    CHECK(!wn__results_baseline(r, "lottery-ticket", 0.98));
    const wn__summary d = wn__cell_difference(&r->shown, ticket, dense);
    CHECK_EQ_INT(d.n, 2);
    CHECK_NEAR(d.mean, -0.095, 1e-9, 0);
    wn__results_free(r);
    CHECK_OK(wn__remove_tree(f.path));
}

TEST(text_shows_headline_spread_and_what_is_missing)
{
    const folder f = new_folder(2);
    char *text = text_of(f.path, WN_REPORT_TEXT);
    CHECK_HAS_TEXT(text, "last epoch  ±95 %    sd  best val.");
    CHECK_HAS_TEXT(text, "92.05  ±0.64  0.07      91.95");
    CHECK_HAS_TEXT(text, "1.50 T       3.00 T");
    CHECK_HAS_TEXT(text, "Not finished yet: 1 of 9 runs.");
    CHECK_HAS_TEXT(text, "batch and classes                2.25            0.45");
    CHECK_HAS_TEXT(text, "−0.09");
    wn__free(text);
    CHECK_OK(wn__remove_tree(f.path));
}

TEST(one_seed_prints_no_spread_and_says_so)
{
    const folder f = new_folder(1);
    char *text = text_of(f.path, WN_REPORT_TEXT);
    CHECK(!strstr(text, "±"));
    CHECK(!strstr(text, "  sd"));
    CHECK_HAS_TEXT(text, "One seed each: no spread can be given.");
    wn__free(text);
    CHECK_OK(wn__remove_tree(f.path));
}

TEST(matching_sparsity_needs_five_seeds_to_be_sure)
{
    for (int seeds = 2; seeds <= 5; seeds += 3) {
        const folder f = new_folder(seeds);
        wn__results *r;
        const char *method;
        double sparsity;
        bool by_interval;
        CHECK_OK(wn__results_read(f.path, NULL, &r));
        CHECK(wn__best_matching(r, &method, &sparsity, &by_interval));
        CHECK_EQ_TEXT(method, "kd-<&_ticket");
        CHECK_NEAR(sparsity, 0.9, 0, 0);
        CHECK_EQ_INT(by_interval, seeds == 5);
        wn__results_free(r);
        CHECK_OK(wn__remove_tree(f.path));
    }
}

TEST(csv_is_plain_numbers_with_names)
{
    const folder f = new_folder(2);
    char *text = text_of(f.path, WN_REPORT_CSV);
    CHECK_HAS_TEXT(text, "method,sparsity,n,test_accuracy,test_accuracy_sd,test_accuracy_ci95,");
    CHECK_HAS_TEXT(text, ",points_from_dense,points_from_dense_sd,points_from_dense_ci95,");
    CHECK_HAS_TEXT(text, "\r\ndense,0.0,2,0.9205");
    wn__free(text);
    CHECK_OK(wn__remove_tree(f.path));
}

TEST(latex_and_csv_escape_what_they_must)
{
    wn__table t = {.id = "t", .title = "50% & more"};
    wn__text out = {0};
    wn__table_column_add(&t, false, "a_b");
    wn__table_column_add(&t, true, "c");
    wn__table_cell(&t, "x,\"y\"");
    wn__table_cell(&t, "±1 {\\}");
    CHECK_OK(wn__table_status(&t));
    wn__table_csv(&t, &out);
    CHECK_EQ_TEXT(out.data, "a_b,c\r\n\"x,\"\"y\"\"\",±1 {\\}\r\n");
    wn__text_release(&out);
    wn__table_latex(&t, &out);
    CHECK_HAS_TEXT(out.data, "\\caption{50\\% \\& more}");
    CHECK_HAS_TEXT(out.data, "\\begin{tabular}{lr}\n\\toprule\na\\_b & c \\\\\n\\midrule\n");
    CHECK_HAS_TEXT(out.data, "x,\"y\" & $\\pm$1 \\{\\textbackslash{}\\} \\\\\n");
    wn__text_release(&out);
    wn__add_html(&out, "<a href='x'>&\"</a>");
    CHECK_EQ_TEXT(out.data, "&lt;a href=&#39;x&#39;&gt;&amp;&quot;&lt;/a&gt;");
    wn__text_release(&out);
    wn__table_release(&t);
}

TEST(text_columns_are_aligned_by_code_points)
{
    wn__table t = {.id = "t", .title = "T"};
    wn__text out = {0};
    wn__table_column_add(&t, false, "name");
    wn__table_column_add(&t, true, "±");
    wn__table_cell(&t, "α");
    wn__table_cell(&t, "10");
    wn__table_rule(&t);
    wn__table_cell(&t, "%s", "");
    wn__table_cell(&t, "–");
    wn__table_text(&t, &out);
    CHECK_EQ_TEXT(out.data, "T\n--------\nname   ±\n--------\nα     10\n\n       –\n--------\n");
    wn__text_release(&out);
    wn__table_release(&t);
}

/* Every element of the page is closed in order; enough of HTML for what the report writes. */
static void check_nesting(const char *page)
{
    char open[64][16];
    int depth = 0;
    const char *at = strstr(page, "<html");
    CHECK(at);
    for (; (at = strchr(at, '<')); at++) {
        char name[16];
        if (depth > 0 && strcmp(open[depth - 1], "script") == 0 && strncmp(at, "</script", 8) != 0) continue; /* no elements in there */
        const bool closing = at[1] == '/';
        const char *end = strchr(at, '>');
        CHECK(end);
        CHECK_EQ_INT(sscanf(at + 1 + closing, "%15[a-zA-Z0-9]", name), 1);
        if (closing) {
            CHECK(depth > 0);
            CHECK_EQ_TEXT(name, open[--depth]);
        } else if (end[-1] != '/' && strcmp(name, "meta") != 0) {
            CHECK(depth < 64);
            strcpy(open[depth++], name);
        }
    }
    CHECK_EQ_INT(depth, 0);
}

static char *read_text(const char *where, const char *name)
{
    char *path = wn__path_join(where, name), *text;
    size_t size;
    CHECK_OK(wn__file_read(path, &text, &size));
    wn__free(path);
    return text;
}

static bool have_gnuplot(void)
{
    folder f = {"/tmp/winnow-test-report-XXXXXX"};
    CHECK(mkdtemp(f.path));
    write_file(f.path, "a.gp", "print 1\n");
    const bool there = wn__gnuplot_run(f.path, "a.gp") == WN_OK;
    CHECK_OK(wn__remove_tree(f.path));
    return there;
}

TEST(page_is_well_formed_escaped_and_needs_no_network)
{
    const folder f = new_folder(2);
    wn_report_files files;
    CHECK_OK(wn_report_write(f.path, NULL, &files));
    char *page = read_text(f.path, "report.html");
    check_nesting(page);
    CHECK_HAS_TEXT(page, "<h1>a &lt;b&gt; &amp; c</h1>");
    CHECK_HAS_TEXT(page, "&lt;script&gt;");
    CHECK_HAS_TEXT(page, "content=\"default-src 'none'; script-src 'sha256-");
    CHECK(!strstr(page, " src="));
    CHECK(!strstr(page, "@import"));
    if (files.figures > 0) CHECK_HAS_TEXT(page, "<svg");
    wn__free(page);
    CHECK_OK(wn__remove_tree(f.path));
}

#define ENDS_SCRIPTS "</script><script>alert(1)</script>"
#define ENDS_ATTRIBUTES "\\\"><img src=x onerror=alert(2)>" /* as JSON has it, as the next */
#define COMMANDS "'; \\u001b[31m\\u009b1m $(rm) & \\\\input{x}%s {0} `id`"

/* Results whose every name attacks something. */
static folder new_hostile_folder(void)
{
    static const char *const names[] = {"dense", ENDS_SCRIPTS, ENDS_ATTRIBUTES, COMMANDS};
    folder f = {"/tmp/winnow-test-report-XXXXXX"};
    wn__text rows = {0}, all = {0};
    CHECK(mkdtemp(f.path));
    for (int m = 0; m < 4; m++)
        for (int sparse = 0; sparse < (m ? 2 : 1); sparse++)
            add_row(&rows, names[m], m == 0 ? 0 : sparse ? 0.98 : 0.9, 0, 0.9);
    wn__text_add(&all, "{\"format\": \"winnow-results\", \"version\": 1, \"name\": \"</title>" ENDS_SCRIPTS "\", \"resolved\": \"; rm\", ");
    wn__text_add(&all, "\"model\": {\"arch\": \"" ENDS_SCRIPTS "\"}, \"compare\": {\"methods\": [\"dense\"");
    for (int m = 1; m < 4; m++)
        wn__text_add(&all, ", \"%s\"", names[m]);
    wn__text_add(&all, "]}, \"report\": {\"baseline\": [\"" ENDS_ATTRIBUTES "\", \"" ENDS_SCRIPTS "\"]}, \"rows\": [%s]}\n", rows.data);
    write_file(f.path, "results.json", all.data);
    write_file(f.path, "recipe.yaml", "name: " ENDS_SCRIPTS "\n");
    write_file(f.path, "m.jsonl", "{\"epoch\":1,\"split\":\"test\",\"accuracy\":0.5}\n{\"epoch\":2,\"split\":\"test\",\"accuracy\":0.9}\n");
    wn__text_release(&rows);
    wn__text_release(&all);
    return f;
}

/* The one script that may run is the one that the policy names. */
static void check_policy(const char *page)
{
    char digest[WN__SHA256_BASE64], policy[96];
    const char *script = strstr(page, "<script>"), *end = script ? strstr(script, "</script>") : NULL;
    CHECK(end);
    script += strlen("<script>");
    CHECK_OK(wn__sha256_base64(script, (size_t)(end - script), digest));
    snprintf(policy, sizeof policy, "script-src 'sha256-%s';", digest);
    CHECK_HAS_TEXT(page, policy);
}

TEST(hostile_names_stay_names)
{
    const folder f = new_hostile_folder();
    wn_report_files files;
    CHECK_OK(wn_report_write(f.path, NULL, &files));
    char *page = read_text(f.path, "report.html"), *text = text_of(f.path, WN_REPORT_TEXT), *latex = text_of(f.path, WN_REPORT_LATEX);
    check_nesting(page);
    check_policy(page);
    CHECK(!strstr(page, "<img") && !strstr(page, "alert(1)<") && !strstr(page, "<script>alert"));
    CHECK(!strstr(page, "; rm")); /* in a command to copy */
    CHECK_HAS_TEXT(text, "'; ?[31m?1m $(rm) & \\input{x}%s {0} `id`");
    CHECK(!strchr(text, 0x1b) && !strstr(text, "\xc2\x9b"));
    CHECK_HAS_TEXT(latex, "\\$(rm) \\& \\textbackslash{}input\\{x\\}\\%s");
    CHECK_EQ_INT(files.figures > 0, have_gnuplot());
    if (files.figures > 0) {
        char *svg = read_text(f.path, "figures/accuracy.svg");
        CHECK(!strstr(svg, "<img") && !strstr(svg, "<script"));
        CHECK_HAS_TEXT(svg, "input{x}%s {0} `id`");
        wn__free(svg);
    }
    wn__free(page);
    wn__free(text);
    wn__free(latex);
    CHECK_OK(wn__remove_tree(f.path));
}

static int count_texts(const char *text, const char *part)
{
    int count = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        count++;
    return count;
}

/* The same results under other seeds. */
static void shift_seeds(const char *where, int by)
{
    char *path = wn__path_join(where, "results.json");
    json_t *root, *row;
    size_t i;
    CHECK_OK(wn__json_load(path, &root));
    json_array_foreach(json_object_get(root, "rows"), i, row)
        json_object_set_new(row, "seed", json_integer(json_integer_value(json_object_get(row, "seed")) + by));
    CHECK_OK(wn__json_save(path, root));
    json_decref(root);
    wn__free(path);
}

/* Counts of two classes beside each run but the tickets' second seed; all cats of tickets are taken for dogs. */
static void add_confusions(const char *where, const char *dog)
{
    char *path = wn__path_join(where, "results.json");
    json_t *root, *row;
    size_t i;
    wn__text text = {0};
    CHECK_OK(wn__json_load(path, &root));
    json_array_foreach(json_object_get(root, "rows"), i, row)
    {
        const bool ticket = json_string_value(json_object_get(row, "method"))[0] == 'l';
        if (ticket && json_integer_value(json_object_get(row, "seed")) == 1) continue;
        json_object_set_new(row, "stage", json_sprintf("stage-%zu", i));
        json_object_set_new(row, "confusion", json_string(ticket ? "ticket.json" : "dense.json"));
    }
    CHECK_OK(wn__json_save(path, root));
    wn__text_add(&text, "{\"format\": \"winnow-confusion\", \"version\": 1, \"names\": [\"cat\", \"%s\"], \"counts\": [[40, 10], [5, 45]]}",
                 dog);
    write_file(where, "dense.json", text.data);
    write_file(where, "ticket.json", "{\"format\": \"winnow-confusion\", \"version\": 1, \"counts\": [[0, 50], [0, 50]]}");
    wn__text_release(&text);
    json_decref(root);
    wn__free(path);
}

TEST(classes_are_told_of_cells_all_of_whose_seeds_have_them)
{
    const folder f = new_folder(2);
    wn_report_files files;
    add_confusions(f.path, ENDS_SCRIPTS);
    char *text = text_of(f.path, WN_REPORT_TEXT), *json = text_of(f.path, WN_REPORT_JSON);
    CHECK_HAS_TEXT(text, "dense               0%  2  cat              80.0  –");
    CHECK_HAS_TEXT(text, "kd-<&_ticket       90%  2  cat              80.0  cat");
    CHECK_EQ_INT(count_texts(json, "\"class_accuracy\": [0.8, 0.9], \"confusion\": [[80, 20], [10, 90]]"), 3);
    CHECK_EQ_INT(count_texts(json, "\"class_accuracy\": null, \"confusion\": null"), 1);
    CHECK_OK(wn_report_write(f.path, NULL, &files));
    char *page = read_text(f.path, "report.html");
    check_nesting(page);
    CHECK(!strstr(page, "<script>alert"));
    if (strstr(page, "id=\"data\"")) CHECK_HAS_TEXT(page, "\"counts\":[[0,80,1,20,2,10,3,90],");
    wn__free(text);
    wn__free(json);
    wn__free(page);
    write_file(f.path, "dense.json", "{"); /* damaged: as if it were not there */
    text = text_of(f.path, WN_REPORT_TEXT);
    CHECK(!strstr(text, "worst class"));
    wn__free(text);
    CHECK_OK(wn__remove_tree(f.path));
}

TEST(counts_of_classes_are_merged_along)
{
    const folder a = new_folder(1), b = new_folder(1);
    const char *const both[] = {a.path, b.path};
    char out[80];
    snprintf(out, sizeof out, "%s/merged", a.path);
    add_confusions(a.path, "dog");
    add_confusions(b.path, "dog");
    shift_seeds(b.path, 2);
    CHECK_OK(wn_report_merge(both, 2, out));
    char *json = text_of(out, WN_REPORT_JSON);
    CHECK_EQ_INT(count_texts(json, "\"confusion\": [[80, 20], [10, 90]]"), 3);
    CHECK_EQ_INT(count_texts(json, "\"confusion\": [[0, 100], [0, 100]]"), 1);
    wn__free(json);
    CHECK_OK(wn__remove_tree(a.path));
    CHECK_OK(wn__remove_tree(b.path));
}

TEST(two_reports_are_equal_files)
{
    static const char *const names[] = {"report.html", "figures/accuracy.svg", "figures/accuracy.pdf", "figures/curves.pdf",
                                        "figures/layers.svg"};
    const folder a = new_folder(2), b = new_folder(2);
    wn_report_files files;
    if (!have_gnuplot()) SKIP("no gnuplot");
    CHECK_OK(wn_report_write(a.path, NULL, &files));
    CHECK_EQ_INT(files.figures, 5);
    sleep(1); /* times of creation would differ */
    CHECK_OK(wn_report_write(b.path, NULL, &files));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *left = read_text(a.path, names[i]), *right = read_text(b.path, names[i]);
        CHECK_EQ_TEXT(left, right);
        wn__free(left);
        wn__free(right);
    }
    CHECK_OK(wn__remove_tree(a.path));
    CHECK_OK(wn__remove_tree(b.path));
}

TEST(without_gnuplot_the_page_comes_and_says_so)
{
    const folder f = new_folder(2);
    wn_report_files files;
    setenv("WINNOW_GNUPLOT", "/nowhere/gnuplot", 1);
    CHECK_OK(wn_report_write(f.path, NULL, &files));
    unsetenv("WINNOW_GNUPLOT");
    CHECK_EQ_INT(files.figures, 0);
    CHECK_HAS_TEXT(files.note, "\"/nowhere/gnuplot\" was not found");
    char *page = read_text(f.path, "report.html");
    CHECK_HAS_TEXT(page, "Report without figures: the program");
    CHECK_HAS_TEXT(page, "<table id=\"accuracy\">");
    wn__free(page);
    CHECK_OK(wn__remove_tree(f.path));
}

enum { MANY_METHODS = 70 };

/* Results of dense and many methods at many sparsities, the first of them over `seeds`; the first `baselines` methods are compared with. */
static folder new_large_folder(int sparsities, int baselines, int seeds)
{
    folder f = {"/tmp/winnow-test-report-XXXXXX"};
    wn__text rows = {0}, methods = {0}, all = {0};
    size_t some = 0;
    char name[32];
    CHECK(mkdtemp(f.path));
    add_row(&rows, "dense", 0, 0, 0.92);
    for (int m = 0; m < MANY_METHODS; m++) {
        snprintf(name, sizeof name, "method-%d-of-many", m);
        wn__text_add(&methods, ", \"%s\"", name);
        if (m < baselines) some = methods.size;
        for (int k = 0; k < sparsities; k++)
            for (int s = 0; s < (k == 0 && m == 0 ? seeds : 1); s++)
                add_row(&rows, name, 0.5 + 0.01 * k, s, 0.8);
    }
    wn__text_add(&all, "{\"format\": \"winnow-results\", \"version\": 1, \"name\": \"large\", \"compare\": {\"methods\": [\"dense\"%s]}, ",
                 methods.data);
    wn__text_add(&all, "\"report\": {\"baseline\": [\"dense\"%.*s], \"margin\": 0.3}, \"rows\": [%s]}\n", (int)some, methods.data,
                 rows.data);
    write_file(f.path, "results.json", all.data);
    wn__text_release(&rows);
    wn__text_release(&methods);
    wn__text_release(&all);
    return f;
}

/* A stand-in for gnuplot that keeps the scripts and draws nothing into each picture. */
static void use_stand_in(const char *where, const char *svg)
{
    char program[96];
    wn__text script = {0};
    snprintf(program, sizeof program, "%s/gnuplot", where);
    wn__text_add(&script, "#!/bin/sh\ncp *.gp %s\nfor f in *.gp; do echo '%s' >${f%%.gp}.svg; echo '%%%%EOF' >${f%%.gp}.pdf; done\n", where,
                 svg);
    write_file(where, "gnuplot", script.data);
    CHECK_EQ_INT(chmod(program, 0700), 0);
    setenv("WINNOW_GNUPLOT", program, 1);
    wn__text_release(&script);
}

TEST(figures_show_every_method_and_sparsity_and_say_what_they_leave_out)
{
    const folder f = new_large_folder(50, 3, 1);
    wn_report_files files;
    use_stand_in(f.path, "<svg></svg>");
    CHECK_OK(wn_report_write(f.path, NULL, &files));
    unsetenv("WINNOW_GNUPLOT");
    char *accuracy = read_text(f.path, "accuracy.gp"), *page = read_text(f.path, "report.html");
    CHECK_EQ_INT(count_texts(accuracy, "with yerrorlines"), MANY_METHODS);
    CHECK_EQ_INT(count_texts(accuracy, "set title 'method-"), MANY_METHODS); /* a panel for each */
    CHECK_HAS_TEXT(accuracy, " 6.64386)");                                   /* the last sparsity, 99 %, has its tic */
    CHECK_HAS_TEXT(page, "Not drawn, for want of room: differences from 2 more.");
    wn__free(accuracy);
    wn__free(page);
    CHECK_OK(wn__remove_tree(f.path));
}

TEST(pictures_that_a_full_disk_cut_off_are_told)
{
    const folder f = new_folder(1);
    wn_report_files files;
    use_stand_in(f.path, "<svg><path");
    CHECK_STATUS(wn_report_write(f.path, NULL, &files), WN_EIO);
    unsetenv("WINNOW_GNUPLOT");
    CHECK_HAS_TEXT(wn_error_message(), "accuracy.svg: gnuplot wrote only a part of it");
    CHECK_OK(wn__remove_tree(f.path));
}

TEST(tables_hold_every_baseline_and_every_seed)
{
    const folder f = new_large_folder(2, MANY_METHODS, 300);
    char *text = text_of(f.path, WN_REPORT_CSV);
    CHECK_HAS_TEXT(text, "points_from_method-69-of-many_ci95");
    CHECK_HAS_TEXT(text, "\nmethod-0-of-many,0.5,300,");
    wn__free(text);
    CHECK_OK(wn__remove_tree(f.path));
}

TEST(a_study_beyond_what_recipes_allow_is_refused)
{
    const folder f = new_folder(1);
    wn__results *r;
    wn__text study = {0};
    wn__text_add(&study, "{\"format\": \"winnow-study\", \"version\": 1, \"seeds\": [0");
    for (int i = 1; i < 257; i++)
        wn__text_add(&study, ", %d", i);
    wn__text_add(&study, "]}\n");
    write_file(f.path, "study.json", study.data);
    CHECK_STATUS(wn__results_read(f.path, NULL, &r), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "more than 256 seeds");
    wn__text_release(&study);
    CHECK_OK(wn__remove_tree(f.path));
}

TEST(a_failing_gnuplot_is_reported_with_its_words)
{
    folder f = {"/tmp/winnow-test-report-XXXXXX"};
    if (!have_gnuplot()) SKIP("no gnuplot");
    CHECK(mkdtemp(f.path));
    write_file(f.path, "a.gp", "plot no_such_function(x)\n");
    CHECK_STATUS(wn__gnuplot_run(f.path, "a.gp"), WN_EUNSUPPORTED);
    CHECK_HAS_TEXT(wn_error_message(), "no_such_function");
    CHECK_OK(wn__remove_tree(f.path));
}

static void check_claim(const char *text, wn__claim_kind kind, double sparsity, double points)
{
    wn__claim c;
    CHECK_OK(wn__claim_parse(text, &c));
    CHECK(strcmp(c.method, "a") == 0 && strcmp(c.than, "b-c") == 0);
    CHECK_EQ_INT(c.kind, kind);
    CHECK_NEAR(c.sparsity, sparsity, 1e-12, 0);
    CHECK_NEAR(c.margin, points, 1e-12, 0);
}

TEST(claims_are_read)
{
    static const char *const wrong[] = {
        "",       "a better b",          "a better than",        "a same as b at",        "a same as b by 1",
        "a is b", "a same as b at 120%", "a better than b by x", "a better than b by -1", "a same as b within"};
    wn__claim c;
    check_claim("a better than b-c", WN__CLAIM_BETTER, -1, -1);
    check_claim(" a  better than b-c at 90% by 0.5 ", WN__CLAIM_BETTER, 0.9, 0.5);
    check_claim("a same as b-c within 1 at 0.02d", WN__CLAIM_EQUIVALENT, 0.98, 1);
    check_claim("a not worse than b-c", WN__CLAIM_NOT_WORSE, -1, -1);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_STATUS(wn__claim_parse(wrong[i], &c), WN_EUSAGE);
}

/* Differences by seed of the kd ticket at 90 % from dense: -0.1 + 0.01 s points; from the lottery ticket 0.9 + 0.01 s. */
TEST(claims_get_verdicts)
{
    const folder f = new_folder(5);
    char *path = wn__path_join(f.path, "results.json");
    json_t *root;
    CHECK_OK(wn__json_load(path, &root));
    json_object_set_new(json_object_get(root, "report"), "claims",
                        json_pack("[s, s, s, s]", "kd-<&_ticket better than lottery-ticket at 90% by 0.5", "kd-<&_ticket same as dense",
                                  "dense better than kd-<&_ticket at 98%", "lottery-ticket better than kd-<&_ticket at 90%"));
    CHECK_OK(wn__json_save(path, root));
    json_decref(root);
    wn__free(path);
    char *text = text_of(f.path, WN_REPORT_TEXT);
    CHECK_HAS_TEXT(text, "kd-<&_ticket better than lottery-ticket at 90% by 0.5       90%  5       +0.92  ±0.02  supported");
    CHECK_HAS_TEXT(text, "kd-<&_ticket same as dense                                  90%  5       -0.08  ±0.02  supported");
    CHECK_HAS_TEXT(text, "98%  5       -3.98  ±0.02  contradicted"); /* the claim's second sparsity */
    CHECK_HAS_TEXT(text, "dense better than kd-<&_ticket at 98%                        0%  5       +3.98  ±0.02  supported");
    CHECK_HAS_TEXT(text, "-0.92  ±0.02  contradicted");
    wn__free(text);
    CHECK_OK(wn__remove_tree(f.path));
}

/* The ticket at 90 % keeps 110 of 900 weights instead of 90. */
TEST(other_numbers_of_weights_than_asked_for_are_told)
{
    const folder f = new_folder(2);
    char path[1100], *data, *text = text_of(f.path, WN_REPORT_TEXT);
    size_t size;
    CHECK(!strstr(text, "would be exact"));
    wn__free(text);
    snprintf(path, sizeof path, "%s/results.json", f.path);
    CHECK_OK(wn__file_read(path, &data, &size));
    for (char *ticket = data; (ticket = strstr(ticket, "\"lottery-ticket\", \"sparsity\": 0.9,")); ticket++) {
        char *kept = strstr(ticket, "\"nonzero\": 90,");
        CHECK(kept);
        memcpy(kept, "\"nonzero\":110,", 14);
    }
    CHECK_OK(wn__file_write(path, data, size));
    wn__free(data);
    text = text_of(f.path, WN_REPORT_TEXT);
    CHECK_HAS_TEXT(text, "lottery-ticket at 90%: reached 87.78%, 110 weights where 90 would be");
    wn__free(text);
    CHECK_OK(wn__remove_tree(f.path));
}

TEST(measured_seconds_are_shown_where_there_are_some)
{
    const folder f = new_folder(2);
    char *text = text_of(f.path, WN_REPORT_TEXT);
    CHECK(!strstr(text, "measured total"));
    CHECK_HAS_TEXT(text, "kd-<&_ticket             90%  1.000x           90%  1.000x");
    wn__free(text);
    write_file(f.path, "seconds.json",
               "{\"format\": \"winnow-seconds\", \"version\": 1, \"environment\": {\"threads\": 2}, \"rows\": ["
               "{\"method\": \"dense\", \"sparsity\": 0, \"seconds\": 10, \"seconds_total\": 10, \"backend\": \"onednn\"},"
               "{\"method\": \"kd-<&_ticket\", \"sparsity\": 0.98, \"seconds\": 2, \"seconds_total\": 4},"
               "{\"method\": \"kd-<&_ticket\", \"sparsity\": 0.9, \"seconds\": 3, \"seconds_total\": 6}]}");
    text = text_of(f.path, WN_REPORT_TEXT);
    CHECK_HAS_TEXT(text, "3.00 s          6.00 s");
    CHECK_HAS_TEXT(text, "timed in turns with 2 threads");
    CHECK_HAS_TEXT(text, "10.0 s          10.0 s  onednn");
    CHECK_HAS_TEXT(text, "90%  1.000x   0.600x"); /* at 98 % accuracy is four points below */
    wn__free(text);
    write_file(f.path, "seconds.json", "{\"format\": \"winnow-seconds\", \"version\": 9}");
    CHECK_STATUS(wn_report_text(f.path, WN_REPORT_TEXT, NULL, &text), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "winnow time");
    CHECK_OK(wn__remove_tree(f.path));
}

TEST(missing_foreign_and_damaged_results_are_refused)
{
    folder f = {"/tmp/winnow-test-report-XXXXXX"};
    char *text;
    CHECK(mkdtemp(f.path));
    CHECK_STATUS(wn_report_text("/nowhere", WN_REPORT_TEXT, NULL, &text), WN_ENOTFOUND);
    CHECK_STATUS(wn_report_text(f.path, WN_REPORT_TEXT, NULL, &text), WN_ENOTFOUND);
    CHECK_HAS_TEXT(wn_error_message(), "no results.json");
    write_file(f.path, "results.json", "{\"format\": \"winnow-results\", \"version\": 2}");
    CHECK_STATUS(wn_report_text(f.path, WN_REPORT_TEXT, NULL, &text), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "version 2, this program reads 1");
    write_file(f.path, "results.json",
               "{\"format\": \"winnow-results\", \"version\": 1, \"compare\": {\"methods\": [\"a\"]}, "
               "\"rows\": [{\"state\": \"done\", \"method\": \"a\", \"sparsity\": 1.5, \"seed\": 0}]}");
    CHECK_STATUS(wn_report_text(f.path, WN_REPORT_TEXT, NULL, &text), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "row 0: needs a method, a sparsity in [0, 1) and a seed");
    write_file(f.path, "results.json", "{\"format\"");
    CHECK_STATUS(wn_report_text(f.path, WN_REPORT_TEXT, NULL, &text), WN_EFORMAT);
    CHECK_OK(wn__remove_tree(f.path));
}

TEST(merged_results_are_those_of_all_seeds)
{
    const folder a = new_folder(2), b = new_folder(3), whole = new_folder(5);
    const char *const both[] = {b.path, a.path}, *const twice[] = {a.path, a.path};
    char out[80];
    snprintf(out, sizeof out, "%s/merged", a.path);
    shift_seeds(a.path, 3);
    char again[80];
    snprintf(again, sizeof again, "%s/.", a.path);
    CHECK_STATUS(wn_report_merge(both, 2, a.path), WN_EINVAL);
    CHECK_STATUS(wn_report_merge(both, 2, again), WN_EINVAL);
    CHECK_OK(wn_report_merge(twice, 2, out)); /* the same results once more */
    CHECK_OK(wn_report_merge(both, 2, out));
    wn__results *merged, *one;
    CHECK_OK(wn__results_read(out, NULL, &merged));
    CHECK_OK(wn__results_read(whole.path, NULL, &one));
    CHECK_EQ_INT(merged->row_count, 20);
    CHECK_EQ_INT(merged->cell_count, one->cell_count);
    for (int i = 0; i < one->cell_count; i++)
        for (int s = 0; s < 5; s++) {
            CHECK_EQ_TEXT(merged->cells[i].method, one->cells[i].method);
            CHECK_EQ_INT(merged->cells[i].rows[s]->seed, s);
        }
    wn__results_free(merged);
    wn__results_free(one);
    CHECK_OK(wn__remove_tree(a.path));
    CHECK_OK(wn__remove_tree(b.path));
    CHECK_OK(wn__remove_tree(whole.path));
}

/* `text` with `now` in the place of `was`, as the folder's `name`. */
static void rewrite(const char *where, const char *name, const char *text, const char *was, const char *now)
{
    wn__text changed = {0};
    const char *at = strstr(text, was);
    CHECK(at);
    wn__text_add(&changed, "%.*s%s%s", (int)(at - text), text, now, at + strlen(was));
    write_file(where, name, changed.data);
    wn__text_release(&changed);
}

TEST(only_runs_of_the_same_training_are_merged)
{
    static const struct {
        const char *was, *now, *key; /* key NULL: changes no result */
    } change[] = {
        {"base: 0.1", "base: 0.05", "train.lr.constant.base: 0.05 against 0.1"},
        {"{sgd: {momentum: 0.9}}", "adam", "train.optimizer: adam against sgd"},
        {"set: shapes", "set: shapes, label_noise: 0.2", "data.label_noise: 0.2 against (not said)"},
        {"augment: []", "augment: [flip]", "data.augment: [flip] against []"},
        {"steps: 20", "steps: 20, evaluate_every: 2", "train.evaluate_every: 2 against 1"},
        {"rounds: 1", "rounds: 3", "methods.lottery-ticket.mask.rounds: 3 against 1"},
        {"like: dense, mask", "like: dense, data_order: new, mask", "methods.dense.data_order: new against same-as-dense"},
        {"data:", "dtype: bfloat16\ndata:", "dtype: bfloat16 against float32"},
        {"train: {", "train: {clip_value: 0, ", NULL}, /* the default */
        {"threads: 2", "threads: 8\nmemory: 4\nkernels: dense\nbackend: ref", NULL},
        {"name: a", "name: b\nreport: {margin: 0.5}", NULL},
        {"seeds: [0]", "seeds: [1, 2]", NULL},
        {"lottery-ticket: {like: lottery-ticket", "own: {like: lottery-ticket", NULL}, /* rows that only one has */
    };
    const folder a = new_folder(1), b = new_folder(1);
    const char *const both[] = {a.path, b.path};
    char out[80];
    snprintf(out, sizeof out, "%s/merged", a.path);
    shift_seeds(b.path, 1);
    for (size_t i = 0; i < sizeof change / sizeof *change; i++) {
        rewrite(b.path, "resolved.yaml", resolved, change[i].was, change[i].now);
        CHECK_STATUS(wn_report_merge(both, 2, out), change[i].key ? WN_EMISMATCH : WN_OK);
        if (change[i].key) CHECK_HAS_TEXT(wn_error_message(), change[i].key);
        CHECK(wn__folder_exists(out) == !change[i].key);
        CHECK_OK(wn__remove_tree(out));
    }
    char *path = wn__path_join(b.path, "resolved.yaml");
    CHECK_OK(wn__remove_tree(path));
    CHECK_STATUS(wn_report_merge(both, 2, out), WN_ENOTFOUND);
    wn__free(path);
    CHECK_OK(wn__remove_tree(a.path));
    CHECK_OK(wn__remove_tree(b.path));
}

/* All places of `was` in a file of the folder. */
static void rename_all(const char *where, const char *name, const char *was, const char *now)
{
    char *path = wn__path_join(where, name), *text;
    size_t size;
    wn__text changed = {0};
    CHECK_OK(wn__file_read(path, &text, &size));
    const char *at = text;
    for (const char *next; (next = strstr(at, was)); at = next + strlen(was))
        wn__text_add(&changed, "%.*s%s", (int)(next - at), at, now);
    wn__text_add(&changed, "%s", at);
    CHECK_OK(wn__file_write(path, changed.data, changed.size));
    wn__text_release(&changed);
    wn__free(text);
    wn__free(path);
}

/* Rows of the second run are compared with those of the third, though the first has none. */
TEST(rows_of_merged_runs_stay_known)
{
    const folder f[] = {new_folder(1), new_folder(1), new_folder(1)};
    const char *const all[] = {f[0].path, f[1].path, f[2].path}, *const two[] = {f[0].path, f[1].path};
    char first[80], out[80];
    snprintf(first, sizeof first, "%s/merged", f[1].path);
    snprintf(out, sizeof out, "%s/merged", f[2].path);
    for (int i = 1; i < 3; i++) {
        shift_seeds(f[i].path, i);
        rename_all(f[i].path, "results.json", "lottery-ticket", "it's.mine");
        rename_all(f[i].path, "resolved.yaml", "lottery-ticket", "\"it's.mine\"");
        rename_all(f[i].path, "resolved.yaml", "like: \"it's.mine\"", "like: lottery-ticket");
    }
    CHECK_OK(wn_report_merge(all, 3, out));
    rename_all(f[2].path, "resolved.yaml", "rounds: 1", "rounds: 2");
    CHECK_STATUS(wn_report_merge(all, 3, out), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), "methods.it's.mine.mask.rounds: 2 against 1");
    CHECK_OK(wn_report_merge(two, 2, first));
    const char *const again[] = {first, f[2].path};
    CHECK_STATUS(wn_report_merge(again, 2, out), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), "methods.it's.mine.mask.rounds: 2 against 1");
    for (int i = 0; i < 3; i++)
        CHECK_OK(wn__remove_tree(f[i].path));
}

static json_t *results_of(const char *where, char **path)
{
    json_t *root;
    *path = wn__path_join(where, "results.json");
    CHECK_OK(wn__json_load(*path, &root));
    return root;
}

TEST(two_results_of_one_seed_must_be_equal)
{
    const folder a = new_folder(2), b = new_folder(2);
    const char *const both[] = {a.path, b.path};
    char out[80], *path;
    snprintf(out, sizeof out, "%s/merged", a.path);
    json_t *root = results_of(b.path, &path), *row = json_array_get(json_object_get(root, "rows"), 3);
    json_object_set_new(row, "seconds", json_real(99));
    json_object_del(row, "bytes"); /* as of an older program */
    CHECK_OK(wn__json_save(path, root));
    CHECK_OK(wn_report_merge(both, 2, out));
    wn__results *merged;
    CHECK_OK(wn__results_read(out, NULL, &merged));
    CHECK_EQ_INT(merged->row_count, 8);
    wn__results_free(merged);
    json_object_set_new(row, "test_accuracy", json_real(0.5));
    CHECK_OK(wn__json_save(path, root));
    CHECK_STATUS(wn_report_merge(both, 2, out), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), "kd-<&_ticket at 90% with seed 1 has two results: test_accuracy 0.5");
    json_object_set_new(json_object_get(root, "model"), "parameters", json_integer(7));
    CHECK_OK(wn__json_save(path, root));
    CHECK_STATUS(wn_report_merge(both, 2, out), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), "another network than before: parameters 7");
    json_decref(root);
    wn__free(path);
    CHECK_OK(wn__remove_tree(a.path));
    CHECK_OK(wn__remove_tree(b.path));
}

/* Its rows have the sparsity of their run's seeds; together they are one cell. */
TEST(learned_sparsity_is_that_of_all_seeds)
{
    const folder a = new_folder(1), b = new_folder(1);
    const char *const both[] = {a.path, b.path};
    char out[80], *path;
    snprintf(out, sizeof out, "%s/merged", a.path);
    shift_seeds(b.path, 1);
    for (int i = 0; i < 2; i++) {
        json_t *root = results_of(both[i], &path), *row = json_array_get(json_object_get(root, "rows"), 3);
        json_object_set_new(root, "methods", json_pack("[{s:s, s:s}]", "name", "lottery-ticket", "mask", "learned"));
        json_object_set_new(row, "sparsity", json_real(i ? 0.875 : 0.75));
        json_object_set_new(row, "sparsity_selected", json_real(i ? 0.875 : 0.75));
        CHECK_OK(wn__json_save(path, root));
        json_decref(root);
        wn__free(path);
    }
    CHECK_OK(wn_report_merge(both, 2, out));
    wn__results *merged;
    CHECK_OK(wn__results_read(out, NULL, &merged));
    const wn__cell *cell = wn__results_find(merged, "lottery-ticket", 0.8125);
    CHECK(cell);
    CHECK_EQ_INT(cell->n, 2);
    wn__results_free(merged);
    CHECK_OK(wn__remove_tree(a.path));
    CHECK_OK(wn__remove_tree(b.path));
}

TEST(running_out_of_memory_is_survived)
{
    const folder f = new_folder(2);
    add_confusions(f.path, "dog");
    for (int n = 1;; n++) {
        char *text;
        const int64_t before = wn__alloc_statistics().bytes;
        wn__alloc_fail_at(n);
        const wn_status status = wn_report_text(f.path, WN_REPORT_TEXT, NULL, &text);
        wn__alloc_fail_at(0);
        if (status == WN_OK) {
            wn__free(text);
            break;
        }
        CHECK_EQ_INT(status, WN_ENOMEM);
        CHECK_EQ_INT(wn__alloc_statistics().bytes, before);
    }
    CHECK_OK(wn__remove_tree(f.path));
}

TEST(merging_survives_running_out_of_memory)
{
    const folder a = new_folder(1), b = new_folder(1);
    const char *const both[] = {a.path, b.path};
    char out[80];
    snprintf(out, sizeof out, "%s/merged", a.path);
    add_confusions(a.path, "dog");
    shift_seeds(b.path, 1);
    rewrite(b.path, "resolved.yaml", resolved, "train: {", "train: {clip_value: 0, ");
    for (int n = 1;; n++) {
        const int64_t before = wn__alloc_statistics().bytes;
        wn__alloc_fail_at(n);
        const wn_status status = wn_report_merge(both, 2, out);
        wn__alloc_fail_at(0);
        CHECK_EQ_INT(wn__alloc_statistics().bytes, before);
        if (status == WN_OK) break;
        CHECK_EQ_INT(status, WN_ENOMEM);
    }
    CHECK_OK(wn__remove_tree(a.path));
    CHECK_OK(wn__remove_tree(b.path));
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(cells_differences_and_baselines_are_found),
                                    RUN(text_shows_headline_spread_and_what_is_missing),
                                    RUN(one_seed_prints_no_spread_and_says_so),
                                    RUN(matching_sparsity_needs_five_seeds_to_be_sure),
                                    RUN(csv_is_plain_numbers_with_names),
                                    RUN(latex_and_csv_escape_what_they_must),
                                    RUN(text_columns_are_aligned_by_code_points),
                                    RUN(page_is_well_formed_escaped_and_needs_no_network),
                                    RUN(hostile_names_stay_names),
                                    RUN(classes_are_told_of_cells_all_of_whose_seeds_have_them),
                                    RUN(counts_of_classes_are_merged_along),
                                    RUN(two_reports_are_equal_files),
                                    RUN(without_gnuplot_the_page_comes_and_says_so),
                                    RUN(figures_show_every_method_and_sparsity_and_say_what_they_leave_out),
                                    RUN(pictures_that_a_full_disk_cut_off_are_told),
                                    RUN(tables_hold_every_baseline_and_every_seed),
                                    RUN(a_study_beyond_what_recipes_allow_is_refused),
                                    RUN(a_failing_gnuplot_is_reported_with_its_words),
                                    RUN(claims_are_read),
                                    RUN(claims_get_verdicts),
                                    RUN(other_numbers_of_weights_than_asked_for_are_told),
                                    RUN(measured_seconds_are_shown_where_there_are_some),
                                    RUN(missing_foreign_and_damaged_results_are_refused),
                                    RUN(merged_results_are_those_of_all_seeds),
                                    RUN(only_runs_of_the_same_training_are_merged),
                                    RUN(rows_of_merged_runs_stay_known),
                                    RUN(two_results_of_one_seed_must_be_equal),
                                    RUN(learned_sparsity_is_that_of_all_seeds),
                                    RUN(running_out_of_memory_is_survived),
                                    RUN(merging_survives_running_out_of_memory),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
