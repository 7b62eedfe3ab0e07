/* Recipes whose data have values, or several classes at once: they train, prune, learn from a teacher and report by headlines of their own. */
#include <math.h>

#include "base/rng.h"
#include "io/json_file.h"
#include "scratch_folder.h"
#include "winnow/experiment.h"
#include "winnow/report.h"
#include "winnow/shrink.h"
#include "winnow/source.h"

enum { INPUTS = 6, VALUES = 2, SEVERAL = 3, TRAIN = 320, TESTED = 64 };

/* ---- targets that follow from the inputs */

static int read_sample(const wn_source_sample *s, bool several)
{
    wn__rng rng = wn__rng_make(3, WN__FOR_TEST, (uint64_t)(s->part * 100000 + s->index), 0);
    float x[INPUTS], *target = s->target;
    for (int i = 0; i < INPUTS; i++)
        x[i] = (float)wn__rng_normal(&rng);
    if (s->input) memcpy(s->input, x, sizeof x);
    for (int c = 0; c < (several ? SEVERAL : VALUES); c++) {
        const float y = x[2 * c] + 0.5f * x[2 * c + 1] * (x[2 * c] > 0 ? 1.0f : -1.0f);
        target[c] = several ? y > 0.4f : y;
    }
    return 0;
}

static int read_values(void *user, const wn_source_sample *s)
{
    (void)user;
    return read_sample(s, false);
}

static int read_several(void *user, const wn_source_sample *s)
{
    (void)user;
    return read_sample(s, true);
}

static void register_data(bool several)
{
    const wn_source s = {.size = sizeof s,
                         .name = "made",
                         .version = "1",
                         .input = WN_INPUT_FLOATS,
                         .channels = INPUTS,
                         .height = 1,
                         .width = 1,
                         .target = several ? WN_TARGET_CLASSES : WN_TARGET_VALUES,
                         .outputs = several ? SEVERAL : VALUES,
                         .train_count = TRAIN,
                         .test_count = TESTED,
                         .read = several ? read_several : read_values};
    CHECK_OK(wn_source_register(&s));
}

/* ---- runs */

static const char *const recipe =
    "data: {set: made, validation: last-64}\n"
    "model: {arch: lenet-300-100, width: 0.1}\n"
    "train: {epochs: 8, batch: 16, optimizer: {adam: {}}, lr: 0.01}\n"
    "backend: ref\nthreads: 1\n"
    "compare: {methods: [dense, lottery-ticket, random-ticket, kd-ticket, snip, rigl], sparsity: [80%], seeds: 0}\n";

static wn_status run_in(const char *store, const char *const *set, int sets, int threads, wn_run_summary *summary)
{
    const char *path = scratch_path("made.yaml");
    CHECK_OK(wn__file_write(path, recipe, strlen(recipe)));
    const wn_run_options o = {.size = sizeof o, .recipe = path, .out = store, .set = set, .sets = sets, .threads = threads};
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

static const json_t *row_of(const json_t *results, const char *method)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(results, "rows"), i, row)
    {
        if (strcmp(json_string_value(json_object_get(row, "method")), method) == 0) return row;
    }
    WN_TEST_FAIL("no row %s", method);
    return NULL;
}

static bool has(const json_t *row, const char *key) { return json_is_number(json_object_get(row, key)); }

/* Every row has the headline under its key, and nothing under that of accuracy. */
static void check_rows(const json_t *results, const char *key)
{
    static const char *const names[] = {"test_%s", "validation_%s", "test_%s_at_best_validation"};
    size_t i;
    json_t *row;
    char name[96];
    json_array_foreach(json_object_get(results, "rows"), i, row)
    {
        CHECK_EQ_TEXT(json_string_value(json_object_get(row, "state")), "done");
        for (int k = 0; k < 3; k++) {
            snprintf(name, sizeof name, names[k], key);
            if (!has(row, name)) WN_TEST_FAIL("%s has no %s", json_string_value(json_object_get(row, "method")), name);
        }
        CHECK(has(row, "test_loss") && !has(row, "test_accuracy") && !has(row, "test_soft_error"));
    }
    snprintf(name, sizeof name, "pruned_%s", key);
    CHECK(has(row_of(results, "lottery-ticket"), name));
}

/* The best validation value of the metrics and its step are those of the result. */
static void check_best(const wn_run_summary *s, const json_t *row, const char *key)
{
    char path[1400], name[96];
    snprintf(path, sizeof path, "%s/%s", s->folder, json_string_value(json_object_get(row, "metrics")));
    snprintf(name, sizeof name, "test_%s_at_best_validation", key);
    double best = INFINITY, at_best = NAN;
    FILE *f = fopen(path, "r");
    char line[2048];
    bool is_best = false;
    CHECK(f != NULL);
    while (fgets(line, sizeof line, f)) {
        json_t *json = json_loads(line, 0, NULL);
        const char *split = json_string_value(json_object_get(json, "split"));
        const double value = wn__json_number(json, key);
        CHECK(!isnan(value) && !json_object_get(json, "accuracy"));
        if (strcmp(split, "validation") == 0) {
            is_best = value < best;
            if (is_best) best = value;
        } else if (strcmp(split, "test") == 0 && is_best) {
            at_best = value;
        }
        json_decref(json);
    }
    fclose(f);
    CHECK(wn__json_number(row, name) == at_best);
}

TEST(a_regression_is_told_by_its_squared_error)
{
    wn_run_summary s;
    register_data(false);
    CHECK_OK(run_in(scratch_fresh("regression"), NULL, 0, 1, &s));
    json_t *results = results_of(&s);
    CHECK_EQ_TEXT(json_string_value(json_object_get(results, "headline")), "mse");
    check_rows(results, "mse");
    const json_t *dense = row_of(results, "dense");
    CHECK(wn__json_number(dense, "test_mse") < 0.3); /* the values' variance is above 1 */
    CHECK(wn__json_number(dense, "test_mse") == wn__json_number(dense, "test_loss"));
    CHECK(wn__json_number(row_of(results, "lottery-ticket"), "test_mse") < 0.6);
    check_best(&s, dense, "mse");
    json_decref(results);
    char *text;
    CHECK_OK(wn_report_text(s.folder, WN_REPORT_TEXT, NULL, &text));
    CHECK_HAS_TEXT(text, "mean squared error");
    wn_text_free(text);
    CHECK_OK(wn_source_unregister("made"));
}

TEST(several_classes_are_told_by_mean_average_precision)
{
    wn_run_summary s;
    register_data(true);
    CHECK_OK(run_in(scratch_fresh("several"), NULL, 0, 1, &s));
    json_t *results = results_of(&s);
    CHECK_EQ_TEXT(json_string_value(json_object_get(results, "headline")), "mean-average-precision");
    check_rows(results, "mean_average_precision");
    CHECK(wn__json_number(row_of(results, "dense"), "test_mean_average_precision") > 0.9);
    CHECK(wn__json_number(row_of(results, "lottery-ticket"), "test_mean_average_precision") > 0.8);
    json_decref(results);
    char *text;
    CHECK_OK(wn_report_text(s.folder, WN_REPORT_TEXT, NULL, &text));
    CHECK_HAS_TEXT(text, "mean average precision");
    wn_text_free(text);
    CHECK_OK(wn_source_unregister("made"));
}

TEST(a_recipe_names_its_loss_and_its_headline)
{
    static const char *const set[] = {"train.loss={huber: {delta: 0.5}}", "train.metrics=loss", "compare.methods=[dense]"};
    static const char *const others[] = {"train.loss={huber: {delta: 0.25}}", "train.metrics=loss", "compare.methods=[dense]"};
    static const char *const plain[] = {"train.loss={huber: {delta: 0.5}}", "compare.methods=[dense]"};
    const char *store = scratch_fresh("named");
    wn_run_summary s;
    register_data(false);
    CHECK_OK(run_in(store, set, 3, 1, &s));
    json_t *results = results_of(&s);
    const json_t *dense = row_of(results, "dense");
    CHECK_EQ_TEXT(json_string_value(json_object_get(results, "headline")), "loss");
    CHECK(has(dense, "test_mse") && has(dense, "validation_loss") && has(dense, "test_loss_at_best_validation"));
    CHECK(wn__json_number(dense, "test_loss") < wn__json_number(dense, "test_mse") / 2);
    json_decref(results);
    CHECK_OK(run_in(store, set, 3, 1, &s));
    CHECK_EQ_INT(s.done_before, 1);
    CHECK_OK(run_in(store, others, 3, 1, &s)); /* the settings of the loss and the headline are part of the key */
    CHECK_EQ_INT(s.done_before, 0);
    CHECK_OK(run_in(store, plain, 2, 1, &s));
    CHECK_EQ_INT(s.done_before, 0);
    CHECK_OK(wn_source_unregister("made"));
}

/* Data of classes: what is asked for comes behind what was told ever, and only another headline is named. */
static json_t *run_classes(const char *metrics)
{
    const char *const set[] = {"data={set: shapes, train: 128, test: 64, validation: last-32}", "train.epochs=2", "compare.methods=[dense]",
                               metrics};
    wn_run_summary s;
    CHECK_OK(run_in(scratch_fresh("classes"), set, 4, 1, &s));
    return results_of(&s);
}

TEST(metrics_that_are_asked_for_stand_beside_accuracy)
{
    json_t *results = run_classes("train.metrics=[accuracy, top-5]");
    const json_t *dense = row_of(results, "dense");
    CHECK(!json_object_get(results, "headline"));
    CHECK(has(dense, "test_accuracy") && has(dense, "test_top5") && has(dense, "validation_top5") && has(dense, "test_soft_error"));
    CHECK(has(dense, "test_accuracy_at_best_validation") && !has(dense, "test_top5_at_best_validation"));
    CHECK(wn__json_number(dense, "test_top5") >= wn__json_number(dense, "test_accuracy"));
    json_decref(results);
    results = run_classes("train.metrics=top-5");
    dense = row_of(results, "dense");
    CHECK_EQ_TEXT(json_string_value(json_object_get(results, "headline")), "top-5");
    CHECK(has(dense, "test_top5_at_best_validation") && has(dense, "validation_top5") && has(dense, "test_accuracy"));
    CHECK(!has(dense, "test_accuracy_at_best_validation"));
    json_decref(results);
    results = run_classes("train.metrics=accuracy");
    CHECK(!json_object_get(results, "headline") && !has(row_of(results, "dense"), "test_top5"));
    json_decref(results);
}

TEST(losses_metrics_and_labels_that_do_not_fit_are_refused)
{
    static const struct {
        const char *set, *message;
    } wrong[] = {
        {"train.loss=cross-entropy",
         "train.loss: cross-entropy does not take targets of kind \"values\", which made has; valid: mse, huber"},
        {"train.metrics=accuracy", "train.metrics: metric 'accuracy' does not judge targets of this kind; valid: loss, mse"},
        {"train.smoothing=0.1", "train.smoothing: is of labels of one class; made has targets of kind \"values\""},
        {"compare.methods=[smooth-ticket]", "smooth-ticket: labels: smooth: is of labels of one class"},
    };
    wn_run_summary s;
    register_data(false);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        CHECK_STATUS(run_in(scratch_fresh("wrong"), &wrong[i].set, 1, 1, &s), WN_EUSAGE);
        CHECK_HAS_TEXT(wn_error_message(), wrong[i].message);
    }
    CHECK_OK(wn_source_unregister("made"));
}

/* ---- single steps */

static const wn_score *score_of(const wn_evaluation *e, const char *name)
{
    for (int i = 0; i < e->scores; i++)
        if (strcmp(e->score[i].name, name) == 0) return &e->score[i];
    return NULL;
}

static void train_and_evaluate(int threads, wn_train_summary *trained, wn_evaluation *e)
{
    static const char *const set[] = {"data={set: made, validation: last-64}", "model={arch: lenet-300-100, width: 0.1}",
                                      "train={epochs: 4, batch: 16, micro_batch: 4, lr: 0.05}", "backend=sparse"};
    const wn_run_options o = {.size = sizeof o, .set = set, .sets = 4, .threads = threads};
    CHECK_OK(wn_train(&o, 0, scratch_fresh("single"), trained));
    const wn_eval_options eval = {.size = sizeof eval, .weights = trained->weights, .threads = threads};
    CHECK_OK(wn_eval(&eval, e));
}

TEST(the_smallest_network_holds_an_error)
{
    static const char *const names[] = {"dense seed 0", "lottery-ticket 80% seed 0"};
    const char *store = scratch_fresh("shrunk");
    wn_run_summary s;
    wn_shrink_result r = {0};
    register_data(false);
    CHECK_OK(run_in(store, &(const char *){"compare.methods=[dense, lottery-ticket]"}, 1, 1, &s));
    wn_shrink_options o = {.size = sizeof o, .hold = "0.9", .by = "nothing"};
    o.networks = &WN_OPTIONS(wn_lab_options, .networks = names, .count = 2, .out = store, .threads = 1);
    CHECK_OK(wn_shrink(&o, &r));
    CHECK(strcmp(r.hold.name, "mse") == 0 && r.hold.less_is_better && r.rows == 2);
    for (int i = 0; i < r.rows; i++)
        CHECK(r.row[i].holds == (r.row[i].value <= 0.9));
    CHECK(r.row[r.chosen].holds);
    wn_shrink_result_release(&r);
    o.hold = "1e-9";
    CHECK_STATUS(wn_shrink(&o, &r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "none of the networks holds mean squared error 1e-09 on 64 validation images");
    o.hold = "88%";
    CHECK_STATUS(wn_shrink(&o, &r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "\"88%\" is no mean squared error; write 0.05");
    CHECK_OK(wn_source_unregister("made"));
}

TEST(training_and_evaluation_tell_the_metrics_of_the_data)
{
    for (int several = 0; several < 2; several++) {
        const char *headline = several ? "mean-average-precision" : "mse";
        wn_train_summary a, b;
        wn_evaluation e = {0}, f = {0};
        register_data(several);
        train_and_evaluate(1, &a, &e);
        train_and_evaluate(3, &b, &f);
        CHECK(strcmp(a.test.name, headline) == 0 && a.test.less_is_better == !several && a.test.percent == several);
        CHECK(a.test.value == b.test.value && a.validation.value == b.validation.value && a.test_loss == b.test_loss);
        CHECK(isnan(a.test_accuracy));
        CHECK(strcmp(e.score[0].name, headline) == 0 && e.scores == 2);
        CHECK_NEAR(e.score[0].value, a.test.value, 0, 1e-6);
        CHECK(score_of(&e, "loss")->value == e.loss && f.score[0].value == e.score[0].value);
        CHECK(isnan(e.accuracy) && !e.confusion && !e.class_accuracy && e.count == TESTED);
        wn_evaluation_release(&e);
        wn_evaluation_release(&f);
        CHECK_OK(wn_source_unregister("made"));
    }
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(a_regression_is_told_by_its_squared_error),
                                    RUN(several_classes_are_told_by_mean_average_precision),
                                    RUN(a_recipe_names_its_loss_and_its_headline),
                                    RUN(metrics_that_are_asked_for_stand_beside_accuracy),
                                    RUN(losses_metrics_and_labels_that_do_not_fit_are_refused),
                                    RUN(the_smallest_network_holds_an_error),
                                    RUN(training_and_evaluation_tell_the_metrics_of_the_data),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
