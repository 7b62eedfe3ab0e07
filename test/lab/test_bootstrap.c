/* Gaps between the worlds: from curves with known answers, from a recipe, from stages. */
#include <inttypes.h>

#include "base/alloc.h"
#include "io/json_file.h"
#include "lab/lab_bootstrap.h"
#include "scratch_folder.h"
#include "winnow/lab.h"

/* ---- curves with known answers */

/* Evaluations after 10, 20, 30 and 40 steps. */
static void write_curve(const char *folder, const double soft[4], const double *train)
{
    char text[4096], path[600];
    int size = 0;
    CHECK_OK(wn__make_folders(folder));
    for (int i = 0; i < 4; i++) {
        if (train)
            size += snprintf(text + size, sizeof text - (size_t)size,
                             "{\"step\":%d,\"split\":\"train-images\",\"loss\":1,\"accuracy\":0.5,\"soft_error\":%g}\n", 10 * (i + 1),
                             train[i]);
        size += snprintf(text + size, sizeof text - (size_t)size,
                         "{\"step\":%d,\"split\":\"train\",\"loss\":9,\"accuracy\":0.1,\"soft_error\":0.9}\n"
                         "{\"step\":%d,\"split\":\"test\",\"loss\":2,\"accuracy\":0.25,\"soft_error\":%g}\n",
                         10 * (i + 1), 10 * (i + 1), soft[i]);
    }
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    CHECK_OK(wn__file_write(path, text, (size_t)size));
}

static void add_run(wn__worlds *w, const char *network, const char *method, int64_t n, uint64_t seed, bool ideal, const double soft[4],
                    const double *train)
{
    char name[200];
    snprintf(name, sizeof name, "%s-%s-%d-%d-%d", network, method, (int)n, (int)seed, ideal);
    const char *folder = scratch_path(name);
    write_curve(folder, soft, train);
    CHECK_OK(wn__worlds_add(
        w, &(wn__world_run){
               .network = (char *)network, .method = (char *)method, .folder = (char *)folder, .n = n, .seed = seed, .ideal = ideal}));
}

static const double ideal_soft[4] = {0.8, 0.6, 0.4, 0.2}, close_soft[4] = {0.8, 0.6, 0.41, 0.21}, far_soft[4] = {0.8, 0.7, 0.7, 0.75};
static const double learnt[4] = {0.5, 0.1, 0.01, 0.001}, not_learnt[4] = {0.8, 0.5, 0.3, 0.0101};

TEST(gaps_are_at_t0_and_at_the_end)
{
    wn__worlds w = {.converged = 0.01, .margin = 2};
    add_run(&w, "conv", "dense", 100, 0, false, far_soft, learnt);
    add_run(&w, "conv", "dense", 1000, 0, false, close_soft, not_learnt);
    add_run(&w, "conv", "dense", 1000, 0, true, ideal_soft, NULL);
    CHECK_OK(wn__worlds_read(&w));
    CHECK_EQ_INT(w.cells, 2);
    const wn__world_pair *far = &w.cell[0].pair[0], *close = &w.cell[1].pair[0];
    CHECK(far->ideal == close->ideal && far->real->points == 4);
    CHECK_EQ_INT(far->t0, 30); /* 1 % itself counts */
    CHECK_EQ_INT(close->t0, -1);
    CHECK_NEAR(wn__world_gap(far, 30, WN__SOFT_ERROR), 0.3, 1e-12, 0);
    CHECK_NEAR(wn__world_gap(far, 40, WN__SOFT_ERROR), 0.55, 1e-12, 0);
    CHECK_NEAR(wn__world_gap(far, 40, WN__HARD_ERROR), 0, 1e-12, 0);
    CHECK(isnan(wn__world_gap(far, 35, WN__SOFT_ERROR)));
    CHECK_NEAR(wn__world_statistic(far), 30, 1e-9, 0);
    CHECK_NEAR(wn__world_statistic(close), 1, 1e-9, 0);
    wn__worlds_release(&w);
}

static const char *verdict_of(const json_t *answers, const char *axis, const char *method, int64_t n)
{
    size_t i;
    json_t *a;
    json_array_foreach(answers, i, a)
    {
        if (strcmp(json_string_value(json_object_get(a, "axis")), axis) == 0 &&
            strcmp(json_string_value(json_object_get(a, "method")), method) == 0 && json_integer_value(json_object_get(a, "n")) == n)
            return json_string_value(json_object_get(a, "verdict"));
    }
    return "no answer";
}

static const char *verdict_of_claim(const json_t *answers, const char *claim)
{
    size_t i;
    json_t *a;
    json_array_foreach(answers, i, a)
    {
        if (strcmp(json_string_value(json_object_get(a, "claim")), claim) == 0) return json_string_value(json_object_get(a, "verdict"));
    }
    return "no answer";
}

TEST(claims_are_answered_by_intervals_over_seeds)
{
    wn__worlds w = {.converged = 0.01, .margin = 2};
    for (uint64_t seed = 0; seed < 5; seed++) {
        double shifted[4], far[4], rigl[4];
        for (int i = 0; i < 4; i++) {
            shifted[i] = close_soft[i] + 0.001 * (double)seed;
            far[i] = far_soft[i] - 0.002 * (double)seed;
            rigl[i] = i < 3 ? far_soft[i] : 0.3 + 0.001 * (double)seed;
        }
        add_run(&w, "conv", "dense", 100, seed, false, far, not_learnt);
        add_run(&w, "conv", "dense", 1000, seed, false, shifted, not_learnt);
        add_run(&w, "conv", "dense", 1000, seed, true, ideal_soft, NULL);
        add_run(&w, "conv", "rigl", 1000, seed, false, rigl, not_learnt);
        add_run(&w, "conv", "rigl", 1000, seed, true, ideal_soft, NULL);
    }
    CHECK_OK(wn__worlds_read(&w));
    static const char *const claims[] = {"conv better than dense", "gap(conv/rigl@1000) below gap(conv/dense@100) by 10",
                                         "real-error(conv/dense@1000) below 24 at 0%", "gap(mlp/dense@1000) below 1"};
    w.claim = claims;
    w.claims = 4;
    json_t *json = wn__worlds_json(&w), *answers = json_object_get(json, "answers");
    CHECK_EQ_TEXT(verdict_of(answers, "size", "dense", 1000), "supported");
    CHECK_EQ_TEXT(verdict_of(answers, "size", "dense", 100), "contradicted");
    CHECK_EQ_TEXT(verdict_of(answers, "n", "dense", 100), "supported");
    CHECK_EQ_TEXT(verdict_of(answers, "size", "rigl", 1000), "contradicted");
    CHECK_EQ_TEXT(verdict_of(answers, "sparsity", "rigl", 1000), "contradicted");
    CHECK_EQ_TEXT(verdict_of(answers, "sparsity", "dense", 1000), "no answer");
    CHECK_EQ_TEXT(verdict_of_claim(answers, "gap(conv/dense@1000) same as 0 within 2"), "supported");
    CHECK_EQ_TEXT(verdict_of_claim(answers, claims[0]), "no answer"); /* of accuracies: the report's */
    CHECK_EQ_TEXT(verdict_of_claim(answers, claims[1]), "supported"); /* about 10.2 against 54.6 points */
    CHECK_EQ_TEXT(verdict_of_claim(answers, claims[2]), "supported"); /* 21 to 21.4 % */
    CHECK_EQ_TEXT(verdict_of_claim(answers, claims[3]), "not measured");
    json_decref(json);
    wn__table tables[WN__WORLD_TABLES];
    wn__text text = {0};
    wn__worlds_tables(&w, tables);
    for (int i = 0; i < WN__WORLD_TABLES; i++) {
        CHECK_OK(wn__table_status(&tables[i]));
        wn__table_csv(&tables[i], &text);
        wn__table_release(&tables[i]);
    }
    CHECK_HAS_TEXT(text.data, "not reached");
    wn__text_release(&text);
    wn__worlds_release(&w);
}

TEST(a_world_without_the_other_is_an_error)
{
    wn__worlds w = {.converged = 0.01, .margin = 2};
    add_run(&w, "conv", "dense", 100, 0, false, far_soft, learnt);
    CHECK_STATUS(wn__worlds_read(&w), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "no run of the ideal world");
    wn__worlds_release(&w);
    w = (wn__worlds){.converged = 0.01, .margin = 2};
    add_run(&w, "conv", "dense", 100, 0, true, ideal_soft, NULL);
    CHECK_STATUS(wn__worlds_read(&w), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "none of the real one");
    wn__worlds_release(&w);
}

/* ---- a recipe and its stages */

static const char *const network = "name: tiny\n"
                                   "nodes:\n"
                                   "  - conv: {name: conv1, out: 4, kernel: 3, stride: 4, pad: 1}\n"
                                   "  - relu\n"
                                   "  - global_pool\n"
                                   "  - linear: {name: fc, out: classes}\n";

static const char *write_recipe(void)
{
    char text[2048];
    const char *net = scratch_path("net.yaml"), *path = scratch_path("both.yaml");
    CHECK_OK(wn__file_write(net, network, strlen(network)));
    const int size =
        snprintf(text, sizeof text,
                 "data: {set: shapes, test: 20, validation: none}\n"
                 "model: {arch: %s}\n"
                 "train: {steps: 12, batch: 16, lr: 0.05}\n"
                 "backend: ref\n"
                 "threads: 1\n"
                 "bootstrap: {n: [64, 32], every: 4, early: 2, variants: {small: {}, flat: {train.lr: 0.01, compare.methods: [dense],\n"
                 "  data.label_noise: 0.2, train.loss: mse, train.optimizer: {adam: {beta1: 0.8}}, data.augment: [pad-crop-2, flip]}}}\n"
                 "compare: {methods: [dense, rigl], sparsity: 50%%, seeds: 0}\n"
                 "methods: {rigl: {topology: {interval: 3it}}}\n",
                 net);
    CHECK_OK(wn__file_write(path, text, (size_t)size));
    return path;
}

static wn_lab_result bootstrap(const char *const *networks, int count, const char *store, int threads)
{
    const wn_lab_bootstrap_options options = {
        .size = sizeof options, .lab = &WN_OPTIONS(wn_lab_options, .networks = networks, .count = count, .out = store, .threads = threads)};
    wn_lab_result result = {0};
    CHECK_OK(wn_lab_bootstrap(&options, &result));
    return result;
}

static int count_entries(const char *folder, const char *inner)
{
    char path[1200], **names;
    int count;
    snprintf(path, sizeof path, "%s/%s", folder, inner);
    CHECK_OK(wn__list_folder(path, &names, &count));
    wn__free_names(names, count);
    return count;
}

TEST(a_recipe_is_trained_in_both_worlds_once)
{
    const char *path = write_recipe(), *store = scratch_path("both"), *other = scratch_path("other");
    wn_lab_result first = bootstrap(&path, 1, store, 1);
    CHECK_HAS_TEXT(first.text, "flat");
    CHECK_HAS_TEXT(first.text, "rigl 50%");
    CHECK_HAS_TEXT(first.text, "undecided");
    /* dense, rigl and its mask in the real world of 32 and of 64 and in one ideal world; dense alone of the other variant. Masks are the same in all. */
    CHECK_EQ_INT(count_entries(store, "stages"), 3 * 2 + 1 + 3);
    wn_lab_result again = bootstrap(&path, 1, store, 1), threads = bootstrap(&path, 1, other, 3);
    CHECK_EQ_TEXT(again.text, first.text);
    CHECK_EQ_TEXT(again.folder, first.folder);
    CHECK_EQ_TEXT(threads.text, first.text);
    wn_lab_result_release(&first);
    wn_lab_result_release(&again);
    wn_lab_result_release(&threads);
}

static void expect_failure(const char *const *networks, int count, const char *store, const char *n, wn_status want, const char *text)
{
    const wn_lab_bootstrap_options options = {
        .size = sizeof options, .lab = &WN_OPTIONS(wn_lab_options, .networks = networks, .count = count, .out = store), .n = n};
    wn_lab_result result = {0};
    CHECK_STATUS(wn_lab_bootstrap(&options, &result), want);
    CHECK_HAS_TEXT(wn_error_message(), text);
}

TEST(stages_are_put_together)
{
    const char *path = write_recipe(), *store = scratch_path("both");
    wn_lab_result made = bootstrap(&path, 1, store, 1);
    wn_lab_result_release(&made);
    char real[100] = "", ideal[100] = "", **names;
    int count;
    CHECK_OK(wn__list_folder(scratch_path("both/stages"), &names, &count));
    for (int i = 0; i < count; i++) {
        char file[1024];
        json_t *json;
        snprintf(file, sizeof file, "%s/stages/%s/stage.json", store, names[i]);
        CHECK_OK(wn__json_load(file, &json));
        const json_t *inputs = json_object_get(json, "inputs"), *data = json_object_get(inputs, "data");
        const char *label = json_string_value(json_object_get(json, "label")), *world = json_string_value(json_object_get(data, "world"));
        const char *base = json_string_value(json_object_get(json_object_get(inputs, "schedule"), "base"));
        const bool wanted = strcmp(label, "rigl 50% seed 0") == 0 && base && base[3] == '5';
        if (wanted && world)
            snprintf(strcmp(world, "real") == 0 ? real : ideal, 100, "%s", json_string_value(json_object_get(json, "identity")));
        json_decref(json);
    }
    wn__free_names(names, count);
    const char *const both[] = {real, ideal};
    wn_lab_result result = bootstrap(both, 2, store, 1);
    CHECK_HAS_TEXT(result.text, "rigl 50%");
    wn_lab_result_release(&result);
    expect_failure(both, 1, store, NULL, WN_EUSAGE, "no run of the ideal world");
    const char *const nobody[] = {"dense seed 9", "dense seed 8"};
    expect_failure(nobody, 2, store, NULL, WN_ENOTFOUND, "dense seed 9");
}

TEST(bad_sizes_and_recipes_are_told)
{
    const char *path = write_recipe(), *missing = scratch_path("nowhere.yaml"), *store = scratch_path("bad");
    expect_failure(&path, 1, store, "0", WN_EUSAGE, "bootstrap");
    expect_failure(&path, 1, store, "many", WN_EUSAGE, "bootstrap");
    expect_failure(&missing, 1, store, NULL, WN_ENOTFOUND, "nowhere.yaml");
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(gaps_are_at_t0_and_at_the_end),
                                    RUN(claims_are_answered_by_intervals_over_seeds),
                                    RUN(a_world_without_the_other_is_an_error),
                                    RUN(a_recipe_is_trained_in_both_worlds_once),
                                    RUN(stages_are_put_together),
                                    RUN(bad_sizes_and_recipes_are_told),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
