/* Recipes on sources that the program registered: methods, keys with and without a version, stops, faults, weights elsewhere. */
#include <stdatomic.h>

#include "base/rng.h"
#include "io/json_file.h"
#include "scratch_folder.h"
#include "winnow/experiment.h"
#include "winnow/network.h"
#include "winnow/report.h"
#include "winnow/source.h"

enum { SIDE = 8, TRAIN = 160, TESTED = 48 };

/* ---- a bright quarter in noise, as pixels or as floats */

typedef struct quarters {
    _Atomic int64_t reads, stop_at, fail_at; /* from that read on; 0: none does */
    _Atomic int64_t stopped;
} quarters;

static int fill(quarters *q, const wn_source_sample *s, bool floats)
{
    const int64_t read = ++q->reads, number = s->part * 100000 + s->index;
    wn__rng rng = wn__rng_make(7, WN__FOR_TEST, (uint64_t)number, 0);
    const int32_t label = (int32_t)wn__rng_below(&rng, 4);
    uint8_t *pixels = s->input;
    float *x = s->input;
    for (int p = 0; s->input && p < SIDE * SIDE; p++) {
        const int value = (int)wn__rng_below(&rng, 100) + ((p / SIDE / 4 * 2 + p % SIDE / 4) == label ? 120 : 0);
        if (floats)
            x[p] = (float)value / 255.0f;
        else
            pixels[p] = (uint8_t)value;
    }
    *(int32_t *)s->target = label;
    const bool stops = q->stop_at && read >= q->stop_at, fails = q->fail_at && read >= q->fail_at;
    q->stopped += stops;
    if (fails) snprintf(s->message, s->message_size, "disk %d is gone", 3);
    return stops ? WN_ESTOPPED : fails ? 19 : 0;
}

static int read_pixels(void *user, const wn_source_sample *s) { return fill(user, s, false); }
static int read_floats(void *user, const wn_source_sample *s) { return fill(user, s, true); }

static quarters state;

static void register_quarters(const char *name, const char *version, bool floats)
{
    const wn_source s = {.size = sizeof s,
                         .name = name,
                         .version = version,
                         .input = floats ? WN_INPUT_FLOATS : WN_INPUT_PIXELS,
                         .channels = 1,
                         .height = SIDE,
                         .width = SIDE,
                         .outputs = 4,
                         .train_count = TRAIN,
                         .test_count = TESTED,
                         .read = floats ? read_floats : read_pixels,
                         .user = &state};
    CHECK_OK(wn_source_register(&s));
}

/* ---- recipes */

static const char *write_recipe(const char *methods)
{
    char text[1024];
    const char *path = scratch_path("own.yaml");
    const int size = snprintf(text, sizeof text,
                              "data: {set: quarters, validation: last-32}\n"
                              "model: {arch: lenet-300-100, width: 0.1}\n"
                              "train: {epochs: 6, batch: 16, optimizer: {sgd: {momentum: 0.9}}, lr: 0.05}\n"
                              "backend: ref\nthreads: 1\n"
                              "compare: {methods: [%s], sparsity: [80%%], seeds: 0}\n",
                              methods);
    CHECK_OK(wn__file_write(path, text, (size_t)size));
    return path;
}

static wn_status run_in(const char *store, const char *methods, const char *const *set, wn_run_summary *summary)
{
    int sets = 0;
    while (set && set[sets])
        sets++;
    const wn_run_options o = {.size = sizeof o, .recipe = write_recipe(methods), .out = store, .set = set, .sets = sets};
    return wn_experiment_run(&o, summary);
}

static json_t *results_of(const wn_run_summary *s)
{
    json_t *json;
    char path[1200];
    snprintf(path, sizeof path, "%s/results.json", s->folder);
    CHECK_OK(wn__json_load(path, &json));
    return json;
}

static double number_of(const json_t *results, const char *method, const char *key)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(results, "rows"), i,
                       row) if (strcmp(json_string_value(json_object_get(row, "method")), method) == 0) return wn__json_number(row, key);
    WN_TEST_FAIL("no row %s", method);
    return 0;
}

static double accuracy_of(const json_t *results, const char *method) { return number_of(results, method, "test_accuracy"); }

TEST(every_family_of_methods_runs_on_own_data)
{
    static const char *const methods[] = {"dense",     "lottery-ticket", "random-ticket", "kd-ticket",
                                          "fine-tune", "rigl",           "snip",          "gradual-pruning"};
    static const char *const shifts[] = {"data.augment=[pad-crop-1]", "data.normalize=signed", NULL};
    wn_run_summary s;
    for (int floats = 0; floats < 2; floats++) {
        const char *store = scratch_fresh("families");
        register_quarters("quarters", "1", floats);
        CHECK_OK(run_in(store, "dense, lottery-ticket, random-ticket, kd-ticket, fine-tune, rigl, snip, gradual-pruning",
                        floats ? NULL : shifts, &s));
        json_t *results = results_of(&s);
        for (int i = 0; i < 8; i++)
            if (!(accuracy_of(results, methods[i]) > 0.5)) WN_TEST_FAIL("%s: %g", methods[i], accuracy_of(results, methods[i]));
        CHECK_EQ_TEXT(json_string_value(json_object_get(json_object_get(results, "data"), "set")), "quarters");
        json_decref(results);
        CHECK_OK(wn_source_unregister("quarters"));
    }
}

/* last-5000 would leave nothing of 160 samples. */
TEST(small_data_have_a_default_validation_of_their_own)
{
    static const char *const nothing_said[] = {"data={set: quarters}"}, *const said[] = {"data={set: quarters, validation: last-5000}"};
    const char *recipe = write_recipe("dense");
    char *text = NULL;
    wn_run_summary s;
    wn_train_summary trained;
    wn_evaluation e = {0};
    register_quarters("quarters", "1", false);
    CHECK_STATUS(wn_recipe_resolve(&WN_OPTIONS(wn_run_options, .recipe = recipe, .set = said, .sets = 1), &text), WN_EUSAGE);
    const wn_run_options run = {.size = sizeof run, .recipe = recipe, .set = nothing_said, .sets = 1, .out = scratch_fresh("small")};
    CHECK_OK(wn_recipe_resolve(&run, &text));
    CHECK_HAS_TEXT(text, "validation: last-16\n");
    wn_text_free(text);
    CHECK_OK(wn_experiment_run(&run, &s));
    CHECK_OK(wn_train(&run, 0, scratch_fresh("trained"), &trained));
    CHECK_OK(wn_eval(&WN_OPTIONS(wn_eval_options, .weights = trained.weights, .part = "validation"), &e));
    CHECK_EQ_INT(e.count, TRAIN / 10);
    wn_evaluation_release(&e);
    CHECK_OK(wn_source_unregister("quarters"));
}

/* ---- other targets: sums and signs of what the network sees */

enum { INPUTS = 12, OUTPUTS = 3 };

static int read_sums(void *user, const wn_source_sample *s)
{
    const wn_target_kind kind = *(const wn_target_kind *)user;
    float *x = s->input, *target = s->target;
    wn__rng rng = wn__rng_make(8, WN__FOR_TEST, (uint64_t)(s->part * 100000 + s->index), 0);
    for (int k = 0; k < OUTPUTS; k++)
        target[k] = 0;
    for (int i = 0; i < INPUTS; i++) {
        const float value = (float)wn__rng_normal(&rng);
        if (x) x[i] = value;
        target[i % OUTPUTS] += value / 2;
    }
    for (int k = 0; kind == WN_TARGET_CLASSES && k < OUTPUTS; k++)
        target[k] = target[k] > 0 ? 1 : 0;
    return 0;
}

/* Every row gets its headline, better than a network that knows nothing; the report says its name. */
static void check_targets(wn_target_kind kind, const char *key, double worst, bool less_is_better, const char *title)
{
    static const char *const methods[] = {"dense", "lottery-ticket", "kd-ticket", "rigl", "snip"};
    static const char *const set[] = {"train.epochs=20", "train.lr=0.02", "compare.sparsity=[50%]", NULL};
    wn_run_summary s;
    const wn_source source = {.size = sizeof source,
                              .name = "quarters",
                              .version = title,
                              .input = WN_INPUT_FLOATS,
                              .channels = INPUTS,
                              .height = 1,
                              .width = 1,
                              .target = kind,
                              .outputs = OUTPUTS,
                              .train_count = TRAIN * 3,
                              .test_count = TESTED,
                              .read = read_sums,
                              .user = &kind};
    CHECK_OK(wn_source_register(&source));
    CHECK_OK(run_in(scratch_fresh("targets"), "dense, lottery-ticket, kd-ticket, rigl, snip", set, &s));
    json_t *results = results_of(&s);
    for (int i = 0; i < 5; i++) {
        const double value = number_of(results, methods[i], key);
        if (!(less_is_better ? value < worst : value > worst)) WN_TEST_FAIL("%s: %s %g", methods[i], key, value);
    }
    json_decref(results);
    char *text;
    CHECK_OK(wn_report_text(s.folder, WN_REPORT_SUMMARY, NULL, &text));
    CHECK_HAS_TEXT(text, title);
    wn_text_free(text);
    CHECK_OK(wn_source_unregister("quarters"));
}

TEST(values_are_learnt_pruned_and_reported) { check_targets(WN_TARGET_VALUES, "test_mse", 0.6, true, "mean squared error"); }
TEST(several_classes_are_learnt_pruned_and_reported)
{
    check_targets(WN_TARGET_CLASSES, "test_mean_average_precision", 0.8, false, "mean average precision");
}

/* ---- keys */

static void check_runs(const char *store, const char *version, int stages, int before, const char *what)
{
    wn_run_summary s;
    if (what) register_quarters("quarters", version, false);
    CHECK_OK(run_in(store, "dense, lottery-ticket", NULL, &s));
    if (s.stages != stages || s.done_before != before)
        WN_TEST_FAIL("%s: %d stages, %d done", what ? what : "again", s.stages, s.done_before);
}

TEST(results_count_for_a_version)
{
    const char *store = scratch_fresh("versions");
    check_runs(store, "1", 4, 0, "first");
    check_runs(store, "1", 4, 4, NULL);
    CHECK_OK(wn_source_unregister("quarters"));
    check_runs(store, "1", 4, 4, "the same version");
    CHECK_OK(wn_source_unregister("quarters"));
    check_runs(store, "2", 4, 0, "another version");
    CHECK_OK(wn_source_unregister("quarters"));
}

TEST(results_without_a_version_count_for_the_registration)
{
    const char *store = scratch_fresh("once");
    check_runs(store, NULL, 4, 0, "first");
    check_runs(store, NULL, 4, 4, NULL);
    CHECK_OK(wn_source_unregister("quarters"));
    check_runs(store, NULL, 4, 0, "registered again");
    CHECK_OK(wn_source_unregister("quarters"));
}

/* ---- stops and faults */

TEST(a_stop_from_the_source_is_continued_to_the_same_bytes)
{
    wn_run_summary a, b;
    const char *whole = scratch_fresh("whole"), *cut = scratch_fresh("cut");
    register_quarters("quarters", "1", false);
    CHECK_OK(run_in(whole, "dense", NULL, &a));
    state = (quarters){.stop_at = 500};
    CHECK_STATUS(run_in(cut, "dense", NULL, &b), WN_ESTOPPED);
    CHECK(state.stopped >= 1);
    state.stop_at = 0;
    CHECK_OK(run_in(cut, "dense", NULL, &b));
    CHECK_OK(wn_source_unregister("quarters"));
    json_t *x = results_of(&a), *y = results_of(&b);
    CHECK(accuracy_of(x, "dense") == accuracy_of(y, "dense"));
    char left[1100], right[1100];
    const char *stage = json_string_value(json_object_get(json_array_get(json_object_get(x, "rows"), 0), "stage"));
    snprintf(left, sizeof left, "%s/stages/%.16s", whole, stage);
    snprintf(right, sizeof right, "%s/stages/%.16s", cut, stage);
    check_same_file(left, right, "final.safetensors");
    json_decref(x);
    json_decref(y);
}

TEST(a_fault_of_the_source_ends_the_run_with_its_text)
{
    wn_run_summary s;
    register_quarters("quarters", "1", false);
    state = (quarters){.fail_at = 700};
    CHECK_STATUS(run_in(scratch_fresh("fault"), "dense", NULL, &s), WN_EIO);
    CHECK_HAS_TEXT(wn_error_message(), "quarters: reading ");
    CHECK_HAS_TEXT(wn_error_message(), "disk 3 is gone (code 19)");
    state = (quarters){0};
    CHECK_OK(run_in(scratch_path("fault"), "dense", NULL, &s));
    CHECK_OK(wn_source_unregister("quarters"));
}

/* ---- what recipes ask that own data lack */

static void check_refused(const char *set, const char *text)
{
    wn_run_summary s;
    const char *const sets[] = {set, NULL};
    CHECK_STATUS(run_in(scratch_fresh("refused"), "dense", sets, &s), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), text);
}

static int read_nothing(void *user, const wn_source_sample *s)
{
    (void)user, (void)s;
    return 1;
}

static void register_kind(wn_input_kind input, wn_target_kind target)
{
    const wn_source s = {.size = sizeof s,
                         .name = "quarters",
                         .input = input,
                         .channels = 1,
                         .height = 1,
                         .width = 8,
                         .vocabulary = 9,
                         .target = target,
                         .outputs = 9,
                         .positions = 8,
                         .train_count = TRAIN,
                         .test_count = TESTED,
                         .read = read_nothing};
    CHECK_OK(wn_source_register(&s));
}

TEST(what_the_samples_are_not_is_refused_by_name)
{
    check_refused("data.set=quarters", "data.set: unknown data set \"quarters\"");
    register_kind(WN_INPUT_FLOATS, WN_TARGET_CLASS);
    check_refused("data.augment=[flip]", "data.augment: flip is of pixels; the inputs of quarters are floats");
    check_refused("data.augment=[pad-crop-1]", "data.augment: pad-crop is of pixels");
    check_refused("data.normalize=imagenet", "data.normalize: normalisation 'imagenet' is of pixels");
    CHECK_OK(wn_source_unregister("quarters"));
    register_kind(WN_INPUT_FLOATS, WN_TARGET_VALUES);
    check_refused("data.label_noise=0.1", "data.label_noise: label noise: is about classes; quarters has targets of kind");
    check_refused("world=real", "world: is about classes");
    check_refused("train.loss=cross-entropy", "train.loss: cross-entropy does not take targets of kind \"values\"");
    CHECK_OK(wn_source_unregister("quarters"));
    register_kind(WN_INPUT_TOKENS, WN_TARGET_CLASS);
    check_refused("data.validation=none", "quarters gives tokens, which no network here takes");
    CHECK_OK(wn_source_unregister("quarters"));
    register_kind(WN_INPUT_FLOATS, WN_TARGET_POSITIONS);
    check_refused("data.validation=none", "quarters gives a class at each position");
    CHECK_OK(wn_source_unregister("quarters"));
}

/* ---- single steps and weights */

static void train_alone(const char *folder, wn_train_summary *summary)
{
    const wn_run_options o = {.size = sizeof o, .recipe = write_recipe("dense")};
    register_quarters("quarters", "1", false);
    CHECK_OK(wn_train(&o, 0, folder, summary));
}

TEST(weights_are_evaluated_and_pruned_on_own_data)
{
    wn_train_summary trained;
    wn_evaluation e;
    char out[1200];
    train_alone(scratch_fresh("single"), &trained);
    CHECK_OK(wn_eval(&WN_OPTIONS(wn_eval_options, .weights = trained.weights), &e));
    CHECK(e.count == TESTED && e.accuracy == trained.test_accuracy && e.classes == 4);
    CHECK_EQ_TEXT(e.class_names[2], "2");
    wn_evaluation_release(&e);
    static const char *const snip[] = {"mask.score=snip"};
    snprintf(out, sizeof out, "%s.pruned", trained.weights);
    CHECK_OK(wn_prune(&WN_OPTIONS(wn_prune_options, .weights = trained.weights, .sparsity = "50%", .result = out, .set = snip, .sets = 1),
                      NULL));
    CHECK_OK(wn_source_unregister("quarters"));
}

/* A network knows all that it needs; its data are needed to evaluate it. */
TEST(weights_are_used_where_their_data_are_not)
{
    wn_train_summary trained;
    wn_network *net;
    wn_evaluation e;
    float x[SIDE * SIDE] = {0}, y[4];
    train_alone(scratch_fresh("elsewhere"), &trained);
    CHECK_OK(wn_network_open(trained.weights, NULL, &net));
    CHECK_STATUS(wn_source_unregister("quarters"), WN_EBUSY);
    wn_network_close(net);
    CHECK_OK(wn_source_unregister("quarters"));
    CHECK_OK(wn_network_open(trained.weights, NULL, &net));
    wn_network_info info = {.size = sizeof info};
    CHECK_OK(wn_network_look(net, &info));
    CHECK_EQ_TEXT(info.dataset, "quarters");
    CHECK_OK(wn_network_predict(net, x, 1, y));
    wn_network_close(net);
    CHECK_STATUS(wn_eval(&WN_OPTIONS(wn_eval_options, .weights = trained.weights), &e), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "its data set \"quarters\" is not here: give --data PATH, register it");
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(small_data_have_a_default_validation_of_their_own),
                                    RUN(every_family_of_methods_runs_on_own_data),
                                    RUN(values_are_learnt_pruned_and_reported),
                                    RUN(several_classes_are_learnt_pruned_and_reported),
                                    RUN(results_count_for_a_version),
                                    RUN(results_without_a_version_count_for_the_registration),
                                    RUN(a_stop_from_the_source_is_continued_to_the_same_bytes),
                                    RUN(a_fault_of_the_source_ends_the_run_with_its_text),
                                    RUN(what_the_samples_are_not_is_refused_by_name),
                                    RUN(weights_are_evaluated_and_pruned_on_own_data),
                                    RUN(weights_are_used_where_their_data_are_not),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
