/* Sweeps on a tiny network and a few hundred drawn images: values, halving, shards, processes, questions from outside, bad input. */
#include "winnow/sweep.h"

#include <math.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "io/json_file.h"
#include "recipe/recipe.h"
#include "scratch_folder.h"
#include "sweep/sweep.h"

static const char *const network = "name: tiny\n"
                                   "nodes:\n"
                                   "  - conv: {name: conv1, out: 4, kernel: 3, stride: 2, pad: 1}\n"
                                   "  - batch_norm: {name: bn1}\n"
                                   "  - relu\n"
                                   "  - conv: {name: conv2, out: 6, kernel: 3, stride: 2, pad: 1}\n"
                                   "  - relu\n"
                                   "  - dropout: {rate: 0.1}\n"
                                   "  - global_pool\n"
                                   "  - linear: {name: fc, out: classes}\n";

/* 5 steps an epoch. */
static const char *const base = "data: {set: shapes, train: 200, test: 60, validation: last-40, augment: [pad-crop-4, flip]}\n"
                                "model: {arch: %s}\n"
                                "train: {epochs: 4, batch: 32, optimizer: {sgd: {momentum: 0.9}}, lr: {cosine: {base: 0.05}}}\n"
                                "backend: ref\n"
                                "threads: 1\n"
                                "compare: {methods: [static, rigl, kd-ticket], sparsity: 80%%, seeds: 0}\n"
                                "mask: {layers: all}\n";

/* Six trials, three of them for two epochs, one to the end. */
#define SPACE                                                                              \
    "{topology.alpha: {uniform: [0.1, 0.6]}, topology.interval: {int: [1, 6], unit: it}, " \
    "train.lr.cosine.base: {log: [0.005, 0.2]}}"
static const char *const section = "sweep:\n"
                                   "  method: rigl\n"
                                   "  trials: 6\n"
                                   "  seed: 3\n"
                                   "  space: " SPACE "\n"
                                   "  halving: {first: 1ep, factor: 2}\n";
enum { TRIALS = 6, SECOND = 3 };

static char program[4096]; /* this test, for workers */

static const char *recipe_path(bool with_section)
{
    char text[4096];
    const char *net = scratch_path("net.yaml"), *path = scratch_path(with_section ? "swept.yaml" : "plain.yaml");
    CHECK_OK(wn__file_write(net, network, strlen(network)));
    int size = snprintf(text, sizeof text, base, net);
    if (with_section) size += snprintf(text + size, sizeof text - (size_t)size, "%s", section);
    CHECK_OK(wn__file_write(path, text, (size_t)size));
    return path;
}

static wn_run_options run; /* of the sweep in hand */

static wn_sweep_options options_for(const char *store)
{
    run = WN_OPTIONS(wn_run_options, .recipe = recipe_path(true), .out = store, .worker = scratch_worker(program));
    return WN_OPTIONS(wn_sweep_options, .run = &run);
}

/* trials.json of a finished sweep. */
static json_t *trials_of(const char *store)
{
    char path[1024];
    json_t *json;
    snprintf(path, sizeof path, "%s/swept-sweep/trials.json", store);
    CHECK_OK(wn__json_load(path, &json));
    return json;
}

static void check_same_trials(const char *left, const char *right)
{
    json_t *a = trials_of(left), *b = trials_of(right);
    CHECK(json_equal(a, b));
    json_decref(a);
    json_decref(b);
}

static void sweep_once(const char *store)
{
    wn_sweep_options options = options_for(store);
    wn_sweep_summary summary;
    options.write = scratch_path("best.yaml");
    CHECK_OK(wn_sweep_run(&options, WN_SWEEP_TEXT, NULL, &summary));
    CHECK_EQ_INT(summary.trials, TRIALS);
    CHECK_EQ_INT(summary.done, 1);
    CHECK_EQ_INT(summary.waiting, 0);
    CHECK(summary.best >= 0 && summary.best_value > 0 && summary.test_value >= 0);
}

/* The store of a sweep that nobody disturbed; its winner's recipe is best.yaml. */
static const char *undisturbed(void) { return scratch_undisturbed(sweep_once); }

static void read_text(const char *store, const char *identity, const char *file, char **data, size_t *size)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/stages/%.16s/%s", store, identity, file);
    CHECK_OK(wn__file_read(path, data, size));
}

static void check_same_stage(const char *left, const char *right, const char *identity, const char *file)
{
    char name[1024];
    snprintf(name, sizeof name, "stages/%.16s/%s", identity, file);
    check_same_file(left, right, name);
}

static const char *text_of(const json_t *object, const char *key) { return json_string_value(json_object_get(object, key)); }

static const char *stage_of(const json_t *trial) { return json_string_value(json_array_get(json_object_get(trial, "stages"), 0)); }

/* ---- values */

static void read_section(const char *text, wn__recipe **recipe)
{
    char whole[4096];
    recipe_path(false);
    int size = snprintf(whole, sizeof whole, base, scratch_path("net.yaml"));
    snprintf(whole + size, sizeof whole - (size_t)size, "%s", text);
    const wn__recipe_source source = {.text = whole, .label = "text"};
    CHECK_OK(wn__recipe_read(&source, recipe));
    CHECK_OK(wn__sweep_section_check(&(*recipe)->sweep));
}

static void check_params(const wn__sweep_section *s, int64_t trial, const char *want)
{
    wn__text shown = {0};
    json_t *params = wn__sweep_params(s, trial);
    wn__sweep_params_show(params, &shown);
    CHECK_EQ_TEXT(shown.data, want);
    json_decref(params);
    wn__text_release(&shown);
}

TEST(a_grid_has_every_combination_in_order)
{
    wn__recipe *r;
    read_section("sweep: {method: rigl, search: grid, space: {topology.alpha: [0.1, 0.5], train.batch: {int: [16, 32], step: 8}, "
                 "train.lr.cosine.base: {log: [1e-3, 1e-1], points: 3}}}\n",
                 &r);
    const wn__sweep_section *s = &r->sweep;
    CHECK_EQ_INT(wn__sweep_trial_count(s), 2 * 3 * 3);
    check_params(s, 0, "topology.alpha=0.1, train.batch=16, train.lr.cosine.base=0.001");
    check_params(s, 1, "topology.alpha=0.1, train.batch=16, train.lr.cosine.base=0.01");
    check_params(s, 3, "topology.alpha=0.1, train.batch=24, train.lr.cosine.base=0.001");
    check_params(s, 17, "topology.alpha=0.5, train.batch=32, train.lr.cosine.base=0.1");
    wn__recipe_free(r);
}

TEST(random_values_depend_on_seed_and_trial_alone)
{
    enum { MANY = 400 };
    wn__recipe *few, *many;
    read_section("sweep: {method: rigl, trials: 3, seed: 5, space: {train.batch: {log_int: [8, 64]}, topology.alpha: [a, 0.5, {b: c}], "
                 "train.lr.cosine.base: {log: [1e-4, 1]}, topology.interval: {uniform: [2, 4], step: 0.5}}}\n",
                 &few);
    read_section("sweep: {method: rigl, trials: 400, seed: 5, space: {train.batch: {log_int: [8, 64]}, topology.alpha: [a, 0.5, {b: c}], "
                 "train.lr.cosine.base: {log: [1e-4, 1]}, topology.interval: {uniform: [2, 4], step: 0.5}}}\n",
                 &many);
    int small_rates = 0, small_batches = 0, lists[3] = {0};
    for (int i = 0; i < MANY; i++) {
        json_t *params = wn__sweep_params(&many->sweep, i), *again = wn__sweep_params(&few->sweep, i);
        CHECK(json_equal(params, again));
        const double rate = json_number_value(json_object_get(params, "train.lr.cosine.base"));
        const int64_t batch = json_integer_value(json_object_get(params, "train.batch"));
        const double steps = json_number_value(json_object_get(params, "topology.interval")) * 2;
        const json_t *item = json_object_get(params, "topology.alpha");
        CHECK(rate >= 1e-4 && rate <= 1 && batch >= 8 && batch <= 64);
        CHECK(steps >= 4 && steps <= 8 && steps == floor(steps));
        small_rates += rate < 1e-2;
        small_batches += batch < 23;
        lists[json_is_string(item) ? 0 : json_is_real(item) ? 1 : 2]++;
        json_decref(params);
        json_decref(again);
    }
    CHECK_NEAR(small_rates, MANY / 2, 40, 0);
    CHECK_NEAR(small_batches, MANY / 2, 40, 0);
    for (int i = 0; i < 3; i++)
        CHECK_NEAR(lists[i], MANY / 3, 40, 0);
    wn__recipe_free(few);
    wn__recipe_free(many);
}

/* ---- bad input */

static void check_refused(const char *set, const char *message)
{
    wn_sweep_options options = options_for(scratch_path("refused"));
    run.set = &set;
    run.sets = 1;
    CHECK_STATUS(wn_sweep_run(&options, WN_SWEEP_TEXT, NULL, NULL), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), message);
    CHECK(!wn__folder_exists(scratch_path("refused")));
}

TEST(test_data_choose_nothing)
{
    check_refused("sweep.objective=test_accuracy", "never chooses by test data; valid: validation_loss, validation_accuracy, ");
    check_refused("sweep.objective=accuracy", "\"accuracy\": unknown objective; valid: validation_loss, validation_accuracy");
    check_refused(
        "sweep.objective=validation_mse",
        "sweep.objective: mse is not measured here; valid: loss, accuracy, soft-error, and what train.metrics names of these data");
    check_refused("data.validation=none", "by validation data, and never by test data");
    check_refused("sweep.halving={first: 1ep, metric: test_accuracy}", "unknown key \"metric\"");
}

TEST(faults_of_a_space_are_found_before_training)
{
    check_refused("sweep.space={topology.alpa: [0.1]}", "unknown key \"alpa\"");
    check_refused("sweep.space={train.epoch: [1, 2]}", "did you mean \"epochs\"?");
    check_refused("sweep.space={topology.alpha: [0.1, 7, 0.2]}", "sweep.space.topology.alpha: ");
    check_refused("sweep.space={topology.alpha: []}", "sweep.space.topology.alpha: an empty list");
    check_refused("sweep.space={train.lr.cosine.base: {log: [0, 1]}}", "its ends must be above 0");
    check_refused("sweep.space={train.lr.cosine.base: {log: [1, 0.1]}}", "1 is above 0.1");
    check_refused("sweep.space={train.batch: {int: [1.5, 2]}}", "int wants whole numbers");
    check_refused("sweep.space={train.batch: {integer: [1, 2]}}", "unknown key \"integer\"");
    check_refused("sweep.space={train.batch: {int: 3}}", "int wants [lowest, highest]");
    check_refused("sweep.space={train.batch: 3}", "a list of values or a range is needed");
    check_refused("sweep.space={train: [1, 2]}", "sweep.space.train: is no key of a training");
    check_refused("sweep.space={compare.seeds: [0, 1]}", "is the same in all trials");
    check_refused("sweep.space={data.validation: [last-20, last-40]}", "is the same in all trials");
    check_refused("sweep.space={}", "\"space\" is missing or empty");
}

TEST(faults_of_a_search_are_found_before_training)
{
    check_refused("sweep.trials=0", "needs a number of trials above 0");
    check_refused("sweep.search=grid", "needs points: N");
    check_refused("sweep={method: rigl, search: grid, trials: 7, space: {topology.alpha: [0.1, 0.2]}}", "7, but the grid has 2");
    check_refused("sweep.search=tpe", "random, grid");
    check_refused("sweep.method=rigel", "did you mean \"rigl\"?");
    check_refused("sweep={trials: 2, space: {topology.alpha: [0.1, 0.2]}}", "\"method\" is missing, and compare.methods has 3");
    check_refused("sweep.halving={factor: 3}", "\"first\" is missing");
    check_refused("sweep.halving.first=2it", "rungs 1 and 2 both end with the evaluation after step 5");
    check_refused("sweep.halving.factor=1", "factor");
    check_refused("sweep.trails=3", "did you mean \"trials\"?");
}

TEST(shards_and_recipes_without_a_section_are_checked)
{
    wn_sweep_options options = options_for(scratch_path("refused"));
    options.shard = 3;
    options.shards = 2;
    CHECK_STATUS(wn_sweep_run(&options, WN_SWEEP_TEXT, NULL, NULL), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "shard 3/2: must be 1/2 to 2/2");
    options = options_for(scratch_path("refused"));
    run.recipe = recipe_path(false);
    CHECK_STATUS(wn_sweep_run(&options, WN_SWEEP_TEXT, NULL, NULL), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "the section \"sweep\" is missing");
    CHECK(!wn__folder_exists(scratch_path("refused")));
}

/* ---- halving */

TEST(one_in_factor_goes_on_and_the_best_wins)
{
    json_t *json = trials_of(undisturbed()), *trials = json_object_get(json, "trials");
    double lowest = 2, best = 0;
    int rungs[4] = {0};
    for (size_t i = 0; i < TRIALS; i++) {
        const json_t *reached = json_object_get(json_array_get(trials, i), "rungs");
        const size_t count = json_array_size(reached);
        CHECK(count >= 1 && count <= 3);
        rungs[count]++;
        const double first = json_number_value(json_object_get(json_array_get(reached, 0), "value"));
        if (count > 1 && first < lowest) lowest = first;
    }
    CHECK_EQ_INT(rungs[1], TRIALS - SECOND);
    CHECK_EQ_INT(rungs[2], SECOND - 1);
    for (size_t i = 0; i < TRIALS; i++) { /* nobody who was stopped was better than one who went on */
        const json_t *trial = json_array_get(trials, i), *reached = json_object_get(trial, "rungs");
        const bool done = strcmp(text_of(trial, "state"), "done") == 0;
        CHECK_EQ_INT(done, json_array_size(reached) == 3);
        if (json_array_size(reached) == 1) CHECK(json_number_value(json_object_get(json_array_get(reached, 0), "value")) <= lowest);
        if (done) best = json_number_value(json_object_get(trial, "value"));
    }
    CHECK_NEAR(json_number_value(json_object_get(json_object_get(json, "best"), "value")), best, 0, 0);
    json_decref(json);
}

/* The schedule is that of the whole training on every rung. */
TEST(a_promoted_trial_equals_a_run_that_was_never_stopped)
{
    const char *store = undisturbed(), *plain = scratch_path("plain");
    const char *set = "compare.methods=[rigl]";
    const wn_run_options options = {.size = sizeof options, .recipe = scratch_path("best.yaml"), .out = plain, .set = &set, .sets = 1};
    wn_run_summary summary;
    CHECK_OK(wn_experiment_run(&options, &summary));
    json_t *json = trials_of(store), *trial;
    size_t i;
    json_array_foreach(json_object_get(json, "trials"), i, trial)
    {
        if (strcmp(text_of(trial, "state"), "done") != 0) continue;
        check_same_stage(store, plain, stage_of(trial), "final.safetensors");
        check_same_stage(store, plain, stage_of(trial), "metrics.jsonl");
        check_same_stage(store, plain, stage_of(trial), "topology.jsonl");
    }
    json_decref(json);
}

TEST(a_stopped_trial_is_the_beginning_of_its_whole_run)
{
    char set[3][128], path[1024];
    const char *sets[3] = {set[0], set[1], set[2]};
    json_t *json = trials_of(undisturbed()), *trial;
    size_t i, begun_size, whole_size;
    char *begun, *whole;
    int seen = 0;
    snprintf(path, sizeof path, "%s", scratch_path("whole"));
    json_array_foreach(json_object_get(json, "trials"), i, trial)
    {
        if (strcmp(text_of(trial, "state"), "stopped") != 0 || seen++ > 0) continue;
        const json_t *params = json_object_get(trial, "params");
        snprintf(set[0], sizeof set[0], "methods.rigl.topology.alpha=%.10g", json_number_value(json_object_get(params, "topology.alpha")));
        snprintf(set[1], sizeof set[1], "methods.rigl.topology.interval=%lldit",
                 (long long)json_integer_value(json_object_get(params, "topology.interval")));
        snprintf(set[2], sizeof set[2], "train.lr.cosine.base=%.10g", json_number_value(json_object_get(params, "train.lr.cosine.base")));
        const wn_run_options options = {.size = sizeof options, .recipe = recipe_path(true), .out = path, .set = sets, .sets = 3};
        CHECK_OK(wn_experiment_run(&options, NULL));
        read_text(undisturbed(), stage_of(trial), "metrics.jsonl", &begun, &begun_size);
        read_text(path, stage_of(trial), "metrics.jsonl", &whole, &whole_size);
        CHECK(begun_size > 0 && begun_size < whole_size && memcmp(begun, whole, begun_size) == 0);
        wn__free(begun);
        wn__free(whole);
    }
    CHECK(seen > 0);
    json_decref(json);
}

/* ---- the same trials in whatever way */

static int run_in_child(const wn_sweep_options *options)
{
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) _exit(wn_sweep_run(options, WN_SWEEP_TEXT, NULL, NULL) == WN_OK ? 0 : 9);
    int how;
    CHECK(waitpid(pid, &how, 0) == pid);
    return how;
}

static int calls_left;
static void stop_at_call(void *user, const wn_progress *progress)
{
    (void)user, (void)progress;
    if (--calls_left == 0) wn_request_stop();
}
static void die_at_call(void *user, const wn_progress *progress)
{
    (void)user, (void)progress;
    if (--calls_left == 0) raise(SIGKILL);
}

static void count_calls(void *user, const wn_progress *progress)
{
    (void)user, (void)progress;
    calls_left--;
}

TEST(stopped_and_killed_it_goes_on_to_the_same_trials)
{
    const char *store = scratch_path("disturbed");
    wn_sweep_options options = options_for(store);
    for (int n = 7; n <= 13; n += 3) {
        calls_left = n;
        run.progress = stop_at_call;
        CHECK_EQ_INT(WEXITSTATUS(run_in_child(&options)), 9);
        run.progress = die_at_call;
        CHECK(WIFSIGNALED(run_in_child(&options)));
    }
    run.progress = NULL;
    CHECK_OK(wn_sweep_run(&options, WN_SWEEP_TEXT, NULL, NULL));
    check_same_trials(undisturbed(), store);
}

TEST(shards_divide_the_trials_and_reach_the_same)
{
    const char *store = scratch_path("shards");
    wn_sweep_summary summary;
    wn_sweep_options options = options_for(store);
    options.shards = 2;
    int turns = 0;
    do {
        options.shard = 1 + turns++ % 2;
        CHECK_OK(wn_sweep_run(&options, WN_SWEEP_TEXT, NULL, &summary));
        if (turns == 1) {
            CHECK_EQ_INT(summary.waiting, TRIALS / 2);
            CHECK_EQ_INT(summary.best, -1);
        }
        CHECK(turns < 8);
    } while (summary.waiting > 0);
    check_same_trials(undisturbed(), store);
}

TEST(shards_that_wait_end_together)
{
    const char *store = scratch_path("waiting");
    wn_sweep_options options = options_for(store);
    options.shards = 2;
    options.wait = true;
    options.shard = 2;
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) _exit(wn_sweep_run(&options, WN_SWEEP_TEXT, NULL, NULL) == WN_OK ? 0 : 9);
    options.shard = 1;
    const wn_status status = wn_sweep_run(&options, WN_SWEEP_TEXT, NULL, NULL);
    int how;
    CHECK(waitpid(pid, &how, 0) == pid);
    CHECK_OK(status);
    CHECK_EQ_INT(how, 0);
    check_same_trials(undisturbed(), store);
}

TEST(processes_side_by_side_reach_the_same)
{
    const char *store = scratch_path("jobs");
    wn_sweep_options options = options_for(store);
    run.jobs = 2;
    run.force = true;
    CHECK_OK(wn_sweep_run(&options, WN_SWEEP_TEXT, NULL, NULL));
    check_same_trials(undisturbed(), store);
    run.worker = NULL;
    CHECK_STATUS(wn_sweep_run(&options, WN_SWEEP_TEXT, NULL, NULL), WN_EINVAL);
}

TEST(a_worker_that_cannot_start_is_an_error)
{
    static const char *const worker[] = {"/no/such/program", NULL};
    wn_sweep_options options = options_for(scratch_path("no-worker"));
    run.jobs = 2;
    run.force = true;
    run.worker = worker;
    CHECK_STATUS(wn_sweep_run(&options, WN_SWEEP_TEXT, NULL, NULL), WN_EIO);
    CHECK_HAS_TEXT(wn_error_message(), "\"/no/such/program\" cannot be started");
}

TEST(a_dry_run_writes_nothing_and_knows_what_is_done)
{
    wn_sweep_options options = options_for(scratch_path("nothing"));
    char *text;
    options.dry_run = true;
    CHECK_OK(wn_sweep_run(&options, WN_SWEEP_CSV, &text, NULL));
    CHECK_HAS_TEXT(text,
                   "trial,topology.alpha,topology.interval,train.lr.cosine.base,rung_1,rung_2,validation_accuracy,epochs,state\r\n0,");
    CHECK(!strstr(text, "done"));
    wn_text_free(text);
    CHECK(!wn__folder_exists(scratch_path("nothing")));
    run.out = undisturbed();
    CHECK_OK(wn_sweep_run(&options, WN_SWEEP_CSV, &text, NULL));
    CHECK_HAS_TEXT(text, ",done\r\n");
    wn_text_free(text);
}

TEST(gc_leaves_the_trials_alone)
{
    int64_t bytes;
    CHECK_OK(wn_store_gc(undisturbed(), true, NULL, NULL, &bytes));
    CHECK_EQ_INT(bytes, 0);
}

/* ---- other objectives and methods */

static json_t *swept_with(const char *store, const char *const *set, int sets)
{
    wn_sweep_options options = options_for(store);
    run.set = set;
    run.sets = sets;
    CHECK_OK(wn_sweep_run(&options, WN_SWEEP_TEXT, NULL, NULL));
    return trials_of(store);
}

TEST(the_metric_of_the_objective_says_which_is_better)
{
    wn__recipe *r;
    wn__sweep s = {0};
    CHECK_OK(wn__metric_find("mse", &s.metric));
    CHECK(wn__sweep_better(&s, 0.001, 0.002) && !wn__sweep_better(&s, 0.002, 0.001));
    CHECK(!wn__sweep_better(&s, (double)NAN, 0.002) && wn__sweep_better(&s, 0.002, (double)NAN));
    CHECK_OK(wn__metric_find("mean_average_precision", &s.metric));
    CHECK(wn__sweep_better(&s, 0.7, 0.6) && !wn__sweep_better(&s, (double)NAN, 0.6));
    CHECK(wn__sweep_decimals(2.3) == 4 && wn__sweep_decimals(0.012) == 4 && wn__sweep_decimals(0.00123) == 5);
    read_section("sweep: {trials: 1, space: {topology.alpha: [0.1]}, objective: validation_top-5}\n", &r);
    CHECK_EQ_TEXT(r->sweep.metric->name, "top-5");
    wn__recipe_free(r);
    read_section("sweep: {trials: 1, space: {topology.alpha: [0.1]}}\n", &r);
    CHECK(!r->sweep.metric); /* the headline */
    wn__recipe_free(r);
}

TEST(a_trial_that_diverges_loses)
{
    const char *const set[] = {
        "sweep={method: static, search: grid, space: {train.optimizer.sgd.weight_decay: [1, 0]}, halving: {first: 1ep}}",
        "train={lr: {constant: {base: 1e5}}, optimizer: {sgd: {momentum: 0}}, epochs: 3, batch: 32}"};
    json_t *json = swept_with(scratch_path("diverged"), set, 2), *trials = json_object_get(json, "trials");
    CHECK_EQ_TEXT(text_of(json_array_get(trials, 0), "state"), "failed");
    CHECK_HAS_TEXT(text_of(json_array_get(trials, 0), "reason"), "loss is");
    CHECK_EQ_TEXT(text_of(json_array_get(trials, 1), "state"), "done");
    CHECK_EQ_INT(json_integer_value(json_object_get(json_object_get(json, "best"), "trial")), 1);
    json_decref(json);
    wn_sweep_options options = options_for(scratch_path("diverged"));
    run.set = set;
    run.sets = 2;
    run.progress = count_calls;
    for (int retry = 0; retry < 2; retry++) { /* what failed is remembered, until it is asked for again */
        calls_left = 0;
        options.retry = retry;
        CHECK_OK(wn_sweep_run(&options, WN_SWEEP_TEXT, NULL, NULL));
        CHECK_EQ_INT(calls_left < 0, retry);
    }
}

/* Two seeds: the value is their mean; all trials share the dense networks. The smaller loss wins. */
TEST(trials_share_what_they_have_in_common)
{
    const char *const set[] = {"sweep={method: kd-ticket, search: grid, seeds: 0-1, objective: validation_loss, "
                               "space: {labels.soft.T: [1, 4]}, halving: {first: 1ep, factor: 2}}"};
    const char *store = scratch_path("shared");
    json_t *json = swept_with(store, set, 1), *trials = json_object_get(json, "trials"), *best = json_object_get(json, "best");
    double first[2];
    for (size_t i = 0; i < 2; i++) {
        const json_t *trial = json_array_get(trials, i);
        first[i] = json_number_value(json_object_get(json_array_get(json_object_get(trial, "rungs"), 0), "value"));
        CHECK_EQ_INT(json_array_size(json_object_get(trial, "stages")), 2);
    }
    CHECK_EQ_INT(json_integer_value(json_object_get(best, "trial")), first[1] < first[0]);
    CHECK_EQ_INT(json_integer_value(json_object_get(best, "n")), 2);
    CHECK(json_is_real(json_object_get(best, "test_accuracy_sd")));
    char path[512], **names;
    int count;
    snprintf(path, sizeof path, "%s/stages", store);
    CHECK_OK(wn__list_folder(path, &names, &count));
    wn__free_names(names, count);
    CHECK(count >= 2 * 2 + 4 && count <= 2 * 3 + 4); /* dense, mask, maybe soft labels of two seeds; four retrainings */
    json_decref(json);
}

/* ---- asked from outside */

static json_t *answers[64];
static int answer_count;

static void forget_answers(void)
{
    while (answer_count > 0)
        json_decref(answers[--answer_count]);
}

static wn_status ask(const wn_sweep_options *options, const char *questions)
{
    int ends[2];
    char *text = NULL;
    size_t size = 0;
    CHECK(pipe(ends) == 0);
    CHECK(write(ends[1], questions, strlen(questions)) == (ssize_t)strlen(questions));
    close(ends[1]);
    FILE *out = open_memstream(&text, &size);
    CHECK(out);
    const wn_status status = wn_sweep_ask_tell(options, ends[0], out);
    fclose(out);
    close(ends[0]);
    forget_answers();
    for (char *line = strtok(text, "\n"); line && answer_count < 64; line = strtok(NULL, "\n")) {
        answers[answer_count] = json_loads(line, 0, NULL);
        CHECK(json_is_object(answers[answer_count]));
        answer_count++;
    }
    free(text);
    return status;
}

/* The n-th answer of a kind. */
static const json_t *answer(const char *event, int n)
{
    for (int i = 0; i < answer_count; i++)
        if (strcmp(text_of(answers[i], "event"), event) == 0 && n-- == 0) return answers[i];
    WN_TEST_FAIL("no such answer: %s", event);
}

#define PARAMS "{\"topology.alpha\":0.3,\"topology.interval\":2.0,\"train.lr.cosine.base\":0.05}"

TEST(questions_get_reports_and_a_value)
{
    const wn_sweep_options options = options_for(scratch_path("asked"));
    CHECK_OK(ask(&options, "{\"trial\":7,\"params\":" PARAMS ",\"until\":0}\n\n{\"trial\":7,\"until\":0}\n{\"trial\":7}"));
    const json_t *hello = answer("hello", 0);
    CHECK_EQ_INT(json_array_size(json_object_get(hello, "rungs")), 3);
    CHECK_EQ_TEXT(text_of(hello, "direction"), "maximize");
    CHECK_EQ_INT(json_object_size(json_object_get(hello, "space")), 3);
    const json_t *paused = answer("result", 0), *again = answer("result", 1), *complete = answer("result", 2), *end = answer("end", 0);
    CHECK_EQ_TEXT(text_of(paused, "state"), "paused");
    CHECK(json_equal(paused, again));
    CHECK_EQ_TEXT(text_of(complete, "state"), "complete");
    for (int r = 0; r < 3; r++) {
        CHECK_EQ_INT(json_integer_value(json_object_get(answer("report", r), "rung")), r);
        CHECK_EQ_INT(json_integer_value(json_object_get(answer("report", r), "step")), r == 2 ? 20 : 5 * (r + 1));
    }
    CHECK(json_equal(json_object_get(answer("report", 2), "value"), json_object_get(complete, "value")));
    CHECK(json_equal(json_object_get(json_object_get(end, "best"), "value"), json_object_get(complete, "value")));
    CHECK_EQ_INT(answer_count, 1 + 3 + 3 + 1);
    forget_answers();
}

static int trials_listed(const char *store)
{
    json_t *file = trials_of(store);
    const int count = (int)json_array_size(json_object_get(file, "trials"));
    json_decref(file);
    return count;
}

/* Another process with other questions: what was known stays known, and a number may be used anew. */
TEST(trials_of_earlier_conversations_stay_in_the_tables)
{
    static const char *const other = "{\"topology.alpha\":0.5,\"topology.interval\":3,\"train.lr.cosine.base\":0.1}";
    const wn_sweep_options options = options_for(scratch_fresh("asked-twice"));
    char question[512];
    CHECK_OK(ask(&options, "{\"trial\":7,\"params\":" PARAMS "}\n{\"trial\":8,\"params\":" PARAMS "}\n"));
    CHECK_EQ_INT(trials_listed(run.out), 2);
    snprintf(question, sizeof question, "{\"trial\":8,\"params\":%s}\n{\"trial\":9,\"params\":%s}\n", other, other);
    CHECK_OK(ask(&options, question));
    CHECK_EQ_INT(trials_listed(run.out), 3);
    CHECK_EQ_INT(json_integer_value(json_object_get(answer("end", 0), "trials")), 3);
    CHECK_EQ_TEXT(text_of(answer("result", 0), "state"), "complete");
    snprintf(question, sizeof question, "{\"trial\":8,\"params\":" PARAMS "}\n{\"trial\":8,\"params\":%s}\n{\"trial\":7}\n", other);
    CHECK_OK(ask(&options, question)); /* once more with the first values; then they are other params; 7 is known without any */
    CHECK_EQ_TEXT(text_of(answer("result", 0), "state"), "complete");
    CHECK_HAS_TEXT(text_of(answer("error", 0), "message"), "trial 8 has other params");
    CHECK_EQ_INT(json_integer_value(json_object_get(answer("result", 1), "trial")), 7);
    CHECK_EQ_INT(trials_listed(run.out), 3);
    forget_answers();
}

TEST(a_fault_in_a_line_is_answered_and_no_end)
{
    static const char *const lines[][2] = {
        {"nonsense", "no JSON object"},
        {"[1]", "no JSON object"},
        {"{\"params\":" PARAMS "}", "\"trial\""},
        {"{\"trial\":-1,\"params\":" PARAMS "}", "\"trial\""},
        {"{\"trial\":1}", "\"params\""},
        {"{\"trial\":1,\"params\":{\"topology.alpha\":0.3}}", "no value for \"topology.interval\""},
        {"{\"trial\":1,\"params\":{\"topology.alpa\":0.3}}", "did you mean \"topology.alpha\"?"},
        {"{\"trial\":1,\"params\":{\"topology.alpha\":0.9,\"topology.interval\":2,\"train.lr.cosine.base\":0.05}}",
         "outside of 0.1 to 0.6"},
        {"{\"trial\":1,\"params\":{\"topology.alpha\":0.3,\"topology.interval\":2.5,\"train.lr.cosine.base\":0.05}}", "no whole number"},
        {"{\"trial\":1,\"params\":" PARAMS ",\"until\":3}", "a rung from 0 to 2"},
        {"{\"trial\":1,\"params\":" PARAMS ",\"metric\":\"test\"}", "unknown key \"metric\""},
    };
    enum { LINES = sizeof lines / sizeof *lines };
    wn__text questions = {0};
    for (int i = 0; i < LINES; i++)
        wn__text_add(&questions, "%s\n", lines[i][0]);
    wn__text_add(&questions, "{\"trial\":1,\"params\":" PARAMS ",\"until\":0}\n");
    const wn_sweep_options options = options_for(scratch_path("asked"));
    CHECK_OK(ask(&options, questions.data));
    wn__text_release(&questions);
    for (int i = 0; i < LINES; i++) {
        CHECK_HAS_TEXT(text_of(answer("error", i), "message"), lines[i][1]);
        CHECK_EQ_INT(json_integer_value(json_object_get(answer("error", i), "line")), i + 1);
    }
    CHECK_EQ_INT(json_integer_value(json_object_get(answer("error", 4), "trial")), 1);
    CHECK_EQ_TEXT(text_of(answer("result", 0), "state"), "paused");
    CHECK_EQ_INT(answer_count, 1 + LINES + 2 + 1);
    forget_answers();
}

TEST(any_recipe_can_be_asked_about)
{
    wn_sweep_options options = options_for(scratch_path("free"));
    const char *set = "compare.methods=[static]";
    run.recipe = recipe_path(false);
    run.set = &set;
    run.sets = 1;
    CHECK_OK(ask(&options, "{\"trial\":0,\"params\":{\"train.lr.cosine.base\":0.1,\"train.init\":\"kaiming\"}}\n"
                           "{\"trial\":1,\"params\":{\"train.bach\":16}}\n"
                           "{\"trial\":2,\"params\":{\"train.lr\":{\"constant\":{\"base\":0.1}}}}\n"));
    CHECK_EQ_TEXT(text_of(answer("result", 0), "state"), "complete");
    CHECK_EQ_TEXT(text_of(answer("result", 1), "state"), "failed");
    CHECK_HAS_TEXT(text_of(answer("result", 1), "reason"), "did you mean \"batch\"?");
    CHECK_EQ_TEXT(text_of(answer("result", 2), "state"), "complete");
    CHECK_EQ_INT(json_array_size(json_object_get(answer("hello", 0), "rungs")), 1);
    forget_answers();
}

TEST(questions_are_answered_side_by_side)
{
    wn_sweep_options options = options_for(scratch_path("asked-jobs"));
    run.jobs = 2;
    run.force = true;
    const char *questions = "{\"trial\":0,\"params\":" PARAMS ",\"until\":1}\n{\"trial\":0}\n"
                            "{\"trial\":1,\"params\":{\"topology.alpha\":0.5,\"topology.interval\":3,\"train.lr.cosine.base\":0.1}}\n";
    CHECK_OK(ask(&options, questions));
    double value[2] = {0};
    for (int i = 0; i < 2; i++)
        value[json_integer_value(json_object_get(answer("result", i), "trial"))] =
            json_number_value(json_object_get(answer("result", i), "value"));
    CHECK_HAS_TEXT(text_of(answer("error", 0), "message"), "trial 0 is being trained");
    run.jobs = 1;
    run.out = scratch_path("asked-alone");
    CHECK_OK(ask(&options, "{\"trial\":0,\"params\":" PARAMS ",\"until\":1}\n"
                           "{\"trial\":1,\"params\":{\"topology.alpha\":0.5,\"topology.interval\":3,\"train.lr.cosine.base\":0.1}}\n"));
    for (int i = 0; i < 2; i++)
        CHECK_NEAR(json_number_value(json_object_get(answer("result", i), "value")), value[i], 0, 0);
    forget_answers();
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--worker") == 0) return wn_sweep_worker(argv[2]) == WN_OK ? 0 : 1;
    if (!realpath(argv[0], program)) return 1;
    static const wn_test tests[] = {RUN(a_grid_has_every_combination_in_order),
                                    RUN(random_values_depend_on_seed_and_trial_alone),
                                    RUN(test_data_choose_nothing),
                                    RUN(faults_of_a_space_are_found_before_training),
                                    RUN(faults_of_a_search_are_found_before_training),
                                    RUN(shards_and_recipes_without_a_section_are_checked),
                                    RUN(one_in_factor_goes_on_and_the_best_wins),
                                    RUN(a_promoted_trial_equals_a_run_that_was_never_stopped),
                                    RUN(a_stopped_trial_is_the_beginning_of_its_whole_run),
                                    RUN(stopped_and_killed_it_goes_on_to_the_same_trials),
                                    RUN(shards_divide_the_trials_and_reach_the_same),
                                    RUN(shards_that_wait_end_together),
                                    RUN(processes_side_by_side_reach_the_same),
                                    RUN(a_worker_that_cannot_start_is_an_error),
                                    RUN(a_dry_run_writes_nothing_and_knows_what_is_done),
                                    RUN(gc_leaves_the_trials_alone),
                                    RUN(the_metric_of_the_objective_says_which_is_better),
                                    RUN(a_trial_that_diverges_loses),
                                    RUN(trials_share_what_they_have_in_common),
                                    RUN(questions_get_reports_and_a_value),
                                    RUN(trials_of_earlier_conversations_stay_in_the_tables),
                                    RUN(a_fault_in_a_line_is_answered_and_no_end),
                                    RUN(any_recipe_can_be_asked_about),
                                    RUN(questions_are_answered_side_by_side),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
