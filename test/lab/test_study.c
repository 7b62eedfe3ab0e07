/* Studies: claims about measurements, the section `lab`, and a whole study of a tiny experiment. */
#include <math.h>

#include "base/alloc.h"
#include "io/json_file.h"
#include "report/claim_table.h"
#include "scratch_folder.h"
#include "winnow/experiment.h"
#include "winnow/lab.h"
#include "winnow/report.h"

/* ---- claims */

static void check_claim(const char *text, const char *measure, const char *first, const char *second, double margin)
{
    wn__study_claim c;
    CHECK_OK(wn__study_claim_parse(text, &c));
    CHECK_EQ_TEXT(c.a.measure->name, measure);
    CHECK_EQ_TEXT(c.a.row[0], first);
    CHECK_EQ_TEXT(c.a.row[1], second);
    CHECK_NEAR(c.margin, margin, 1e-12, 0);
}

TEST(claims_about_measurements_are_read)
{
    static const char *const wrong[] = {
        "barrier(a, b)",
        "barrier(a, b) below",
        "barrier(a) below 1",
        "barrier(a, b, c) below 1",
        "barrier(a, b below 1",
        "barriers(a, b) below 1",
        "barrier(a, b) under 1",
        "barrier(a, b) below gradient-norm(a)",
        "barrier(a, b) below error-barrier(a, b)",
        "barrier(a, b) below 1 at step 5",
        "barrier(a, b) below 1 by 10%",
        "barrier(a, b) below 1 by -1",
        "barrier(a, b) below 1 within 1",
        "barrier(a, b) same as 1",
        "gradient-norm(a) above gradient-norm(b) by 2",
        "gradient-norm(a) above gradient-norm(b) at step x",
        "gradient-norm(a) above gradient-norm(b) at 120%",
        "gradient-norm(a, b) above 1",
        "gradient-norm(a) above 1 at equal loss",
        "barrier(a, b) below barrier(c, d) at equal loss",
        "gradient-norm(a) above gradient-norm(b) at equal step",
        "gradient-norm(a) above gradient-norm(b) at equal loss at step 5",
        "() above 1",
        "ensemble-gain(a, b) above 1",
        "pair-gain(a) above 1",
        "ensemble-gain(a) above pair-gain(a, b)",
    };
    wn__study_claim c;
    check_claim("barrier(ticket, pruned) below barrier(scratch,pruned) by 0.05", "barrier", "ticket", "pruned", 0.05);
    check_claim("gradient-norm(rigl) above gradient-norm( scratch ) at step 2000 by 10%", "gradient-norm", "rigl", "", log(1.1));
    check_claim("smallest-eigenvalue(rigl@2001) below 0 at 95%", "smallest-eigenvalue", "rigl@2001", "", 0);
    CHECK_OK(wn__study_claim_parse("disagreement(a, b) same as 1.5 within 2 at 90%", &c));
    CHECK(c.same && !c.below && !c.b.measure);
    CHECK_NEAR(c.b.number, 1.5, 0, 0);
    CHECK_NEAR(c.sparsity, 0.9, 1e-12, 0);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_STATUS(wn__study_claim_parse(wrong[i], &c), WN_EUSAGE);
    CHECK(wn__claim_is_of_study("barrier(a, b) below 1") && !wn__claim_is_of_study("a better than b"));
}

static json_t *made_study(void)
{
    json_error_t error;
    json_t *study =
        json_loads("{\"seeds\": [3, 5, 8], \"sparsity\": [0.9], \"measurements\": ["
                   "{\"measure\": \"gradient-norm\", \"of\": [\"a\"], \"sparsity\": 0.9, \"step\": 0, \"values\": [1, 10, 100]},"
                   "{\"measure\": \"gradient-norm\", \"of\": [\"a\"], \"sparsity\": 0.9, \"step\": 7, \"values\": [2, 20, null]},"
                   "{\"measure\": \"gradient-norm\", \"of\": [\"b\"], \"sparsity\": 0.9, \"step\": 0, \"values\": [2, 20, 200]},"
                   "{\"measure\": \"gradient-norm\", \"of\": [\"b\"], \"sparsity\": 0.9, \"step\": 7, \"values\": [16, 160, 1600]},"
                   "{\"measure\": \"error-barrier\", \"of\": [\"a\", \"b\"], \"sparsity\": 0.9, \"values\": [0.01, 0.02, 0.03]}]}",
                   0, &error);
    CHECK(study != NULL);
    return study;
}

static wn__summary difference(const json_t *study, const char *text)
{
    wn__study_claim c;
    CHECK_OK(wn__study_claim_parse(text, &c));
    return wn__study_claim_difference(study, &c, 0.9);
}

TEST(claims_compare_by_seed_and_by_ratio)
{
    json_t *study = made_study();
    wn__summary d = difference(study, "gradient-norm(b) above gradient-norm(a) at step 0");
    CHECK_EQ_INT(d.n, 3);
    CHECK_NEAR(exp(d.mean), 2, 1e-12, 0);
    CHECK_NEAR(d.sd, 0, 1e-12, 0); /* seeds differ by decades, their ratios do not */
    d = difference(study, "gradient-norm(a) below gradient-norm(b) at step 7");
    CHECK_EQ_INT(d.n, 2);
    CHECK_NEAR(exp(d.mean), 8, 1e-12, 0);
    d = difference(study, "gradient-norm(b) above gradient-norm(a)"); /* mean over both steps: sqrt(2 x 8); the last seed has one */
    CHECK_EQ_INT(d.n, 3);
    CHECK_NEAR(d.mean, (2 * log(4) + log(2)) / 3, 1e-12, 0);
    d = difference(study, "error-barrier(b, a) below 2.5"); /* either way round, in points */
    CHECK_EQ_INT(d.n, 3);
    CHECK_NEAR(d.mean, 0.5, 1e-12, 0);
    CHECK_NEAR(d.sd, 1, 1e-12, 0);
    CHECK_EQ_INT(difference(study, "loss(a) below loss(b)").n, 0);
    json_decref(study);
}

/* b loses 4, 2, 1 with norms 8, 4, 2; a has loss 3 with norm 12 and loss 0.5, which b never has. */
TEST(claims_compare_at_equal_loss)
{
    json_error_t error;
    json_t *study = json_loads("{\"seeds\": [0], \"sparsity\": [0.9], \"measurements\": ["
                               "{\"measure\": \"gradient-norm\", \"of\": [\"a\"], \"sparsity\": 0.9, \"step\": 0, \"values\": [12]},"
                               "{\"measure\": \"gradient-norm\", \"of\": [\"a\"], \"sparsity\": 0.9, \"step\": 9, \"values\": [7]},"
                               "{\"measure\": \"loss\", \"of\": [\"a\"], \"sparsity\": 0.9, \"step\": 0, \"values\": [3]},"
                               "{\"measure\": \"loss\", \"of\": [\"a\"], \"sparsity\": 0.9, \"step\": 9, \"values\": [0.5]},"
                               "{\"measure\": \"gradient-norm\", \"of\": [\"b\"], \"sparsity\": 0.9, \"step\": 0, \"values\": [8]},"
                               "{\"measure\": \"gradient-norm\", \"of\": [\"b\"], \"sparsity\": 0.9, \"step\": 5, \"values\": [4]},"
                               "{\"measure\": \"gradient-norm\", \"of\": [\"b\"], \"sparsity\": 0.9, \"step\": 9, \"values\": [2]},"
                               "{\"measure\": \"loss\", \"of\": [\"b\"], \"sparsity\": 0.9, \"step\": 0, \"values\": [4]},"
                               "{\"measure\": \"loss\", \"of\": [\"b\"], \"sparsity\": 0.9, \"step\": 5, \"values\": [2]},"
                               "{\"measure\": \"loss\", \"of\": [\"b\"], \"sparsity\": 0.9, \"step\": 9, \"values\": [1]}]}",
                               0, &error);
    CHECK(study != NULL);
    const wn__summary d = difference(study, "gradient-norm(a) above gradient-norm(b) at equal loss by 10%");
    CHECK_EQ_INT(d.n, 1);
    CHECK_NEAR(exp(d.mean), 2, 1e-12, 0); /* at loss 3 b has 6 */
    json_decref(study);
}

/* ---- a study */

static const char *const network = "name: tiny\n"
                                   "nodes:\n"
                                   "  - conv: {name: conv1, out: 4, kernel: 3, stride: 2, pad: 1}\n"
                                   "  - batch_norm: {name: bn1}\n"
                                   "  - relu\n"
                                   "  - global_pool\n"
                                   "  - linear: {name: fc, out: classes}\n";

static const char *const recipe = "name: small\n"
                                  "data: {set: shapes, train: 120, test: 40, validation: last-40}\n"
                                  "model: {arch: %s}\n"
                                  "train: {steps: 12, batch: 20, optimizer: {sgd: {momentum: 0.9}}, lr: {cosine: {base: 0.1}}}\n"
                                  "backend: ref\n"
                                  "threads: 1\n"
                                  "compare: {methods: [dense, ticket, scratch, set], sparsity: [80%%], seeds: 0-1}\n"
                                  "methods:\n"
                                  "  ticket:  {like: lottery-ticket}\n"
                                  "  scratch: {like: reinit}\n"
                                  "  set: {topology: {interval: 5it}}\n"
                                  "%s\n"
                                  "report: {claims: [%s]}\n";

#define LAB \
    "lab: {flow: [ticket, set], at: [0it, 5it, 100%], lines: [[scratch, dense]], compare: [dense, ticket, ticket@start], points: 8, images: 40}"

static wn_status make(const char *lab, const char *claims, bool train, wn_lab_result *result)
{
    char text[4096];
    const char *net = scratch_path("net.yaml"), *path = scratch_path("small.yaml"), *store = scratch_path("store");
    CHECK_OK(wn__file_write(net, network, strlen(network)));
    const int size = snprintf(text, sizeof text, recipe, net, lab, claims);
    CHECK_OK(wn__file_write(path, text, (size_t)size));
    const wn_lab_study_options options = {.size = sizeof options, .run = &WN_OPTIONS(wn_run_options, .recipe = path, .out = store)};
    if (train) CHECK_OK(wn_experiment_run(options.run, NULL));
    return wn_lab_study(&options, result);
}

/* What a test looks at that other tests may have made already. */
static void make_study(void)
{
    wn_lab_result result = {0};
    CHECK_OK(make(LAB, "", true, &result));
    wn_lab_result_release(&result);
}

static void check_refused(const char *lab, const char *claims, const char *part)
{
    wn_lab_result result = {0};
    CHECK_STATUS(make(lab, claims, false, &result), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), part);
}

TEST(what_cannot_be_measured_is_refused)
{
    check_refused("", "", "no section \"lab\"");
    check_refused("lab: {compare: [dense, tickt]}", "", "did you mean \"ticket\"");
    check_refused("lab: {compare: [dense]}", "", "two rows or more");
    check_refused("lab: {compare: [dense, ticket, dense]}", "", "listed twice");
    check_refused("lab: {compare: [dense, ticket@end]}", "", "a point is a step or start");
    check_refused("lab: {flow: [ticket]}", "", "\"at\" is missing");
    check_refused("lab: {flow: [ticket@3], at: [0it]}", "", "unknown method");
    check_refused("lab: {flow: [ticket], at: [5it, 0it]}", "", "must ascend");
    check_refused("lab: {lines: [ticket, dense]}", "", "a pair of rows");
    check_refused("lab: {lines: [[ticket, ticket]]}", "", "and itself");
    check_refused("lab: {barrier: [[ticket, dense]]}", "", "lines");
    check_refused(LAB, "'barrier(ticket, dense) below 1'", "lab.lines does not say that ticket, dense is measured");
    check_refused(LAB, "ensemble-gain(ticket) above 1", "lab.ensembles does not say that ticket is measured");
    check_refused("lab: {ensembles: [tickt]}", "", "did you mean \"ticket\"");
    check_refused(LAB, "gap(ticket) below 1", "gap is of NETWORK/METHOD@N, such as conv/rigl@4096, not of ticket");
    check_refused(LAB, "gap(conv/tickt@100) below 1", "gap is of NETWORK/METHOD@N");
    check_refused(LAB, "gradient-norm(scratch) above 1", "lab.flow does not say");
    check_refused(LAB, "gradient-norm(set) above 1 at step 6", "step 6 is not among lab.at");
}

TEST(a_study_wants_trained_rows)
{
    wn_lab_result result = {0};
    CHECK_STATUS(make(LAB, "", false, &result), WN_ENOTFOUND);
    CHECK_HAS_TEXT(wn_error_message(), "ticket 80% seed 0: is waiting, not done; \"winnow run\"");
}

static json_t *read_study(void)
{
    json_t *json;
    CHECK_OK(wn__json_load(scratch_path("store/small/study.json"), &json));
    return json;
}

/* Over seeds, as tables show it. */
static double mean_of(const json_t *study, const char *measure, const char *first, const char *second)
{
    const wn__measure *m = wn__measure_find(measure);
    const json_t *one = wn__study_find(study, m, first, second, 0.8, -1);
    CHECK(one != NULL);
    return wn__study_summary(study, m, one, false).mean;
}

/* The analysis by itself, of one network. */
static double norm_of(const char *name, const char *steps)
{
    const char *networks[] = {name}, *set[] = {"backend=ref"};
    const wn_lab_flow_options options = {.size = sizeof options,
                                         .lab = &WN_OPTIONS(wn_lab_options, .networks = networks, .count = 1, .out = scratch_path("store"),
                                                            .set = set, .sets = 1, .threads = 1, .folder = scratch_path("alone")),
                                         .steps = steps,
                                         .images = 40};
    wn_lab_result result = {0};
    json_t *json;
    CHECK_OK(wn_lab_flow(&options, &result));
    CHECK_OK(wn__json_load(scratch_path("alone/result.json"), &json));
    const json_t *states = json_object_get(json_array_get(json_object_get(json_object_get(json, "result"), "networks"), 0), "states");
    const double norm = json_number_value(json_object_get(json_array_get(states, 0), "gradient_active"));
    json_decref(json);
    wn_lab_result_release(&result);
    return norm;
}

TEST(a_study_holds_what_the_analyses_say)
{
    wn_lab_result result = {0};
    CHECK_OK(make(LAB, "'gradient-norm(set) above gradient-norm(ticket)', 'error-barrier(dense, scratch) above 1000'", true, &result));
    CHECK_HAS_TEXT(result.text, "error-barrier(dense, scratch) above 1000");
    CHECK_HAS_TEXT(result.text, "contradicted");
    CHECK_HAS_TEXT(result.text, "gradient-norm-updated  set");
    json_t *study = read_study();
    const wn__measure *norm = wn__measure_find("gradient-norm"), *updated = wn__measure_find("gradient-norm-updated");
    CHECK_NEAR(wn__study_value(study, norm, wn__study_find(study, norm, "ticket", NULL, 0.8, 5), 1), norm_of("ticket 80% seed 1", "5"), 0,
               0);
    CHECK_NEAR(wn__study_value(study, norm, wn__study_find(study, norm, "set", NULL, 0.8, 12), 0), norm_of("set 80% seed 0", "12"), 0, 0);
    CHECK(wn__study_find(study, updated, "set", NULL, 0.8, 5) && !wn__study_find(study, updated, "ticket", NULL, 0.8, 5));
    const double behind = wn__study_value(study, updated, wn__study_find(study, updated, "set", NULL, 0.8, 5), 0);
    CHECK_NEAR(norm_of("set 80% seed 0@5+", NULL), behind, 0, 1e-6); /* the same by another way */
    CHECK(norm_of("set 80% seed 0@5", NULL) != behind);
    const wn__measure *distance = wn__measure_find("distance");
    CHECK(wn__study_summary(study, distance, wn__study_find(study, distance, "ticket@start", "ticket", 0.8, -1), false).n == 2);
    CHECK_EQ_INT(json_array_size(json_object_get(study, "lines")), 2);
    json_decref(study);
    wn_lab_result_release(&result);
}

static bool is_state(const char *stage)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/stages/%.16s/step-5.safetensors", scratch_path("store"), stage);
    return wn__file_exists(path);
}

TEST(training_keeps_what_the_study_looks_at)
{
    json_t *results, *row;
    size_t index;
    make_study();
    CHECK_OK(wn__json_load(scratch_path("store/small/results.json"), &results));
    json_array_foreach(json_object_get(results, "rows"), index, row)
    {
        const char *method = json_string_value(json_object_get(row, "method")), *stage = json_string_value(json_object_get(row, "stage"));
        CHECK_EQ_INT(is_state(stage), strcmp(method, "ticket") == 0 || strcmp(method, "set") == 0);
    }
    json_decref(results);
}

/* A twin is the same stage under another name: the two never disagree and gain nothing. Three seeds are what `lab compare` says of these three networks. */
TEST(ensembles_over_seeds_are_what_compare_says)
{
    static const char *const set[] = {
        "compare.seeds=0-2", "methods.twin={like: ticket}", "compare.methods=[dense, ticket, twin]",
        "lab={compare: [ticket, twin, dense], ensembles: [ticket, twin]}",
        "report.claims=['pair-gain(ticket, twin) above 0', ensemble-gain(ticket) same as ensemble-gain(twin) within 1]"};
    static const char *const networks[] = {"ticket 80% seed 0", "ticket 80% seed 1", "ticket 80% seed 2"}, *const backend[] = {
                                                                                                               "backend=ref"};
    const wn_lab_study_options options = {
        .size = sizeof options,
        .run = &WN_OPTIONS(wn_run_options, .recipe = scratch_path("small.yaml"), .out = scratch_path("store"), .set = set, .sets = 5)};
    const wn_lab_compare_options compare = {.size = sizeof compare,
                                            .lab =
                                                &WN_OPTIONS(wn_lab_options, .networks = networks, .count = 3, .out = scratch_path("store"),
                                                            .set = backend, .sets = 1, .threads = 1, .folder = scratch_path("three"))};
    wn_lab_result result = {0};
    json_t *three;
    CHECK_OK(make(LAB, "", true, &result)); /* writes the recipe */
    wn_lab_result_release(&result);
    CHECK_OK(wn_experiment_run(options.run, NULL));
    CHECK_OK(wn_lab_study(&options, &result));
    CHECK_HAS_TEXT(result.text, "Ensembles over seeds");
    CHECK_HAS_TEXT(result.text, "contradicted"); /* what is 0 in all seeds is not above 0 */
    wn_lab_result_release(&result);
    CHECK_OK(wn_lab_compare(&compare, &result));
    wn_lab_result_release(&result);
    CHECK_OK(wn__json_load(scratch_path("three/result.json"), &three));
    const json_t *said = json_object_get(three, "result"), *all = json_object_get(said, "ensemble"),
                 *pairs = json_object_get(said, "pairs");
    json_t *study = read_study();
    double disagreement = 0;
    for (size_t i = 0; i < 3; i++)
        disagreement += wn__json_number(json_array_get(pairs, i), "disagreement") / 3;
    const double accuracy = wn__json_number(all, "accuracy"), gain = accuracy - wn__json_number(all, "mean");
    CHECK_NEAR(mean_of(study, "ensemble", "ticket", NULL), 100 * accuracy, 1e-9, 0);
    CHECK_NEAR(mean_of(study, "ensemble-gain", "ticket", NULL), 100 * gain, 1e-9, 0);
    CHECK_NEAR(mean_of(study, "seed-disagreement", "twin", NULL), 100 * disagreement, 1e-9, 0);
    CHECK_NEAR(mean_of(study, "disagreement", "ticket", "twin"), 0, 0, 0);
    CHECK_NEAR(mean_of(study, "pair-gain", "ticket", "twin"), 0, 0, 0);
    CHECK(disagreement > 0);
    json_decref(study);
    json_decref(three);
}

/* A number for the order of data changes what training meets, one for redrawn weights where it starts. */
TEST(numbered_rows_differ_in_one_thing)
{
    static const char *const set[] = {"methods.order={like: scratch, order: 1}",
                                      "methods.other={like: scratch, redraw: 1}",
                                      "compare.methods=[scratch, order, other]",
                                      "compare.seeds=0",
                                      "report.claims=[]",
                                      "lab={compare: [scratch, order, scratch@start, order@start, other@start]}"};
    const wn_lab_study_options options = {
        .size = sizeof options,
        .run = &WN_OPTIONS(wn_run_options, .recipe = scratch_path("small.yaml"), .out = scratch_path("store"), .set = set, .sets = 6)};
    wn_lab_result result = {0};
    CHECK_OK(make(LAB, "", true, &result)); /* writes the recipe */
    wn_lab_result_release(&result);
    CHECK_OK(wn_experiment_run(options.run, NULL));
    CHECK_OK(wn_lab_study(&options, &result));
    wn_lab_result_release(&result);
    json_t *study = read_study();
    CHECK_NEAR(mean_of(study, "distance", "scratch@start", "order@start"), 0, 0, 0);
    CHECK(mean_of(study, "distance", "scratch", "order") > 0);
    CHECK(mean_of(study, "distance", "scratch@start", "other@start") > 0.1);
    CHECK_NEAR(mean_of(study, "jaccard", "scratch@start", "other@start"), 1, 0, 0);
    json_decref(study);
}

static int folders_of(const char *name)
{
    char **names;
    int count;
    CHECK_OK(wn__list_folder(scratch_path(name), &names, &count));
    wn__free_names(names, count);
    return count;
}

/* With one analysis thrown away the study makes that one alone again, to the same bytes; a further row costs its own analyses only. */
TEST(a_study_goes_on_where_it_was)
{
    wn_lab_result result = {0};
    char **names, part[128];
    int count;
    make_study();
    json_t *before = read_study();
    CHECK_OK(wn__list_folder(scratch_path("store/lab/parts"), &names, &count));
    CHECK_EQ_INT(count, 2 * (2 + 1 + 1)); /* seeds x (flow, lines, compare) */
    snprintf(part, sizeof part, "store/lab/parts/%.80s", names[0]);
    CHECK_OK(wn__remove_tree(scratch_path(part)));
    CHECK_OK(make(LAB, "", false, &result));
    wn_lab_result_release(&result);
    json_t *after = read_study();
    CHECK(json_equal(before, after));
    CHECK_EQ_INT(folders_of("store/lab/parts"), count);
    CHECK_OK(make("lab: {flow: [ticket, set, scratch], at: [0it, 5it, 100%], images: 40}", "", false, &result));
    CHECK_EQ_INT(folders_of("store/lab/parts"), count + 2);
    wn_lab_result_release(&result);
    json_decref(before);
    json_decref(after);
    wn__free_names(names, count);
}

TEST(rows_that_a_run_leaves_out_are_left_out)
{
    static const char *const set[] = {"compare.methods=[dense, ticket]",
                                      "report.claims=[scratch better than dense, 'distance(ticket, dense) above 0', "
                                      "'barrier(scratch, dense) above 0', dense better than ticket]"};
    const char *path = scratch_path("small.yaml");
    const wn_lab_study_options options = {
        .size = sizeof options, .run = &WN_OPTIONS(wn_run_options, .recipe = path, .out = scratch_path("store"), .set = set, .sets = 2)};
    wn_lab_result result = {0};
    make_study(); /* writes the recipe, too */
    const wn_lab_study_options again = {.size = sizeof again, .run = options.run, .again = true};
    CHECK_OK(wn_lab_study(&again, &result));
    CHECK_HAS_TEXT(result.text, "gradient-norm  ticket");
    CHECK(!strstr(result.text, "gradient-norm  set") && !strstr(result.text, "set          80%"));
    CHECK_HAS_TEXT(result.text, "barrier(scratch, dense) above 0");
    CHECK_HAS_TEXT(result.text, "not measured");
    wn_lab_result_release(&result);
}

TEST(the_report_shows_the_study)
{
    wn_report_files files;
    char *page;
    size_t size;
    wn_lab_result result = {0};
    CHECK_OK(make(LAB, "'gradient-norm(set) above gradient-norm(ticket)'", true, &result));
    wn_lab_result_release(&result);
    CHECK_OK(wn_report_write(scratch_path("store/small"), NULL, &files));
    CHECK_OK(wn__file_read(files.page, &page, &size));
    CHECK_HAS_TEXT(page, "Measurements of the lab");
    CHECK_HAS_TEXT(page, "<table id=\"disagreement\">");

    CHECK_HAS_TEXT(page, "gradient-norm(set) above gradient-norm(ticket)");
    wn__free(page);
    if (files.figures == 0) SKIP("no gnuplot");
    CHECK(wn__file_exists(scratch_path("store/small/figures/flow.svg")));
    CHECK(wn__file_exists(scratch_path("store/small/figures/lines.pdf")));
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(claims_about_measurements_are_read),
                                    RUN(claims_compare_by_seed_and_by_ratio),
                                    RUN(claims_compare_at_equal_loss),
                                    RUN(what_cannot_be_measured_is_refused),
                                    RUN(a_study_wants_trained_rows),
                                    RUN(a_study_holds_what_the_analyses_say),
                                    RUN(training_keeps_what_the_study_looks_at),
                                    RUN(a_study_goes_on_where_it_was),
                                    RUN(rows_that_a_run_leaves_out_are_left_out),
                                    RUN(the_report_shows_the_study),
                                    RUN(ensembles_over_seeds_are_what_compare_says),
                                    RUN(numbered_rows_differ_in_one_thing),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
