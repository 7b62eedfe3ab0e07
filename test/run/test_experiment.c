/* Whole experiments on a tiny network and a few hundred drawn images: running, skipping, continuing, workers, the store, single steps. */
#include "winnow/experiment.h"

#include <math.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend/backend.h"
#include "base/alloc.h"
#include "base/files.h"
#include "io/json_file.h"
#include "io/safetensors.h"
#include "plan/agenda.h"
#include "run/experiment.h"
#include "scratch_folder.h"

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

static const char *const recipe = "data: {set: shapes, train: 200, test: 60, validation: last-40, augment: [pad-crop-4, flip]}\n"
                                  "model: {arch: %s}\n"
                                  "train: {epochs: 3, batch: 32, optimizer: {sgd: {momentum: 0.9}}, lr: {step: {base: 0.1, at: [2ep]}}}\n"
                                  "backend: ref\n"
                                  "threads: 1\n"
                                  "compare:\n"
                                  "  methods: %s\n"
                                  "  sparsity: [0%%, 80%%]\n"
                                  "  seeds: 0\n"
                                  "methods: {weight-rewind: {rewind: 7it}, kd-weight-rewind: {rewind: 7it, optimizer_state: rewound}}\n";

#define FEW "[dense, lottery-ticket, weight-rewind, kd-ticket, kd-weight-rewind]"
enum { FEW_STAGES = 1 + 8 + 1 + 1 + 1 }; /* dense, two each of four methods, mask, its evaluation, soft labels */

static char program[4096]; /* this test, for workers */

static const char *write_recipe(const char *name, const char *methods)
{
    char text[4096];
    const char *net = scratch_path("net.yaml"), *path = scratch_path(name);
    CHECK_OK(wn__file_write(net, network, strlen(network)));
    const int size = snprintf(text, sizeof text, recipe, net, methods);
    CHECK_OK(wn__file_write(path, text, (size_t)size));
    return path;
}

static wn_run_options options_for(const char *path, const char *store)
{
    return WN_OPTIONS(wn_run_options, .recipe = path, .out = store, .worker = scratch_worker(program));
}

static wn_run_summary run_in(const char *store, const char *methods)
{
    const wn_run_options options = options_for(write_recipe("few.yaml", methods), store);
    wn_run_summary summary;
    CHECK_OK(wn_experiment_run(&options, &summary));
    return summary;
}

static void run_few(const char *store)
{
    const wn_run_summary summary = run_in(store, FEW);
    CHECK_EQ_INT(summary.stages, FEW_STAGES);
    CHECK_EQ_INT(summary.run, FEW_STAGES);
    CHECK_EQ_INT(summary.done_before, 0);
}

/* The store of an experiment that nobody disturbed. */
static const char *undisturbed(void) { return scratch_undisturbed(run_few); }

/* All weights, masks and metrics of two stores are the same bytes; soft labels may be missing where none were made. */
static void check_same_stores(const char *left, const char *right)
{
    static const char *const files[] = {"final.safetensors", "metrics.jsonl", "mask.safetensors", "step-7.safetensors"};
    char a[1024], b[1024], **names;
    int count, compared = 0;
    snprintf(a, sizeof a, "%s/stages", left);
    CHECK_OK(wn__list_folder(a, &names, &count));
    for (int i = 0; i < count; i++) {
        snprintf(b, sizeof b, "%s/stages/%s", right, names[i]);
        if (!wn__folder_exists(b)) continue;
        compared++;
        for (int f = 0; f < 4; f++) {
            snprintf(a, sizeof a, "%s/stages/%s/%s", left, names[i], files[f]);
            snprintf(b, sizeof b, "%s/stages/%s/%s", right, names[i], files[f]);
            if (wn__file_exists(a) || wn__file_exists(b)) check_same_bytes(a, b);
        }
    }
    wn__free_names(names, count);
    CHECK(compared >= FEW_STAGES - 1);
}

static json_t *results_of(const char *store)
{
    char path[1024];
    json_t *json;
    snprintf(path, sizeof path, "%s/few/results.json", store);
    CHECK_OK(wn__json_load(path, &json));
    return json;
}

/* ---- running and skipping */

TEST(a_second_run_does_nothing)
{
    const char *store = undisturbed();
    const wn_run_summary again = run_in(store, FEW);
    CHECK_EQ_INT(again.done_before, FEW_STAGES);
    CHECK_EQ_INT(again.run, 0);
}

TEST(all_methods_run_and_give_complete_results)
{
    const char *store = scratch_path("all");
    run_in(store, "[dense, lottery-ticket, weight-rewind, lr-rewind, fine-tune, reinit, random-ticket, kd-ticket, kd-weight-rewind, "
                  "kd-lr-rewind, kd-random-ticket, kd-reinit, kd-fine-tune, smooth-ticket]");
    json_t *results = results_of(store), *row;
    size_t index;
    CHECK(json_is_true(json_object_get(results, "complete")));
    CHECK_EQ_INT(json_array_size(json_object_get(results, "rows")), 1 + 13 * 2);
    json_array_foreach(json_object_get(results, "rows"), index, row)
    {
        const double sparsity = json_number_value(json_object_get(row, "sparsity"));
        const double accuracy = json_number_value(json_object_get(row, "test_accuracy"));
        CHECK_EQ_TEXT(json_string_value(json_object_get(row, "state")), "done");
        CHECK(accuracy >= 0 && accuracy <= 1);
        CHECK_EQ_INT(json_integer_value(json_object_get(row, "selected")), 4 * 27 + 6 * 36);
        CHECK_NEAR(json_number_value(json_object_get(row, "sparsity_selected")), sparsity, 0.5 / 324, 0);
        CHECK_EQ_INT(json_is_number(json_object_get(row, "pruned_accuracy")), sparsity > 0);
        CHECK(json_number_value(json_object_get(row, "train_flops_total")) >= json_number_value(json_object_get(row, "train_flops_stage")));
    }
    json_decref(results);
    check_same_stores(undisturbed(), store); /* other methods beside them change nothing */
}

static const json_t *find_row(const json_t *results, const char *method, double sparsity)
{
    const json_t *rows = json_object_get(results, "rows");
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        if (strcmp(json_string_value(json_object_get(row, "method")), method) == 0 &&
            json_number_value(json_object_get(row, "sparsity")) == sparsity)
            return row;
    }
    WN_TEST_FAIL("no row %s %g", method, sparsity);
}

/* conv1 4x27 on 16x16, conv2 6x36 on 8x8, fc 10x6: multiply-adds. */
enum { CONV1 = 108 * 256, CONV2 = 216 * 64, FC = 60, FORWARD = 2 * (CONV1 + CONV2 + FC), IMAGES = 160 };

TEST(costs_are_those_of_the_protocol)
{
    json_t *results = results_of(undisturbed());
    const json_t *dense = find_row(results, "dense", 0), *rewound = find_row(results, "weight-rewind", 0),
                 *kd = find_row(results, "kd-ticket", 0);
    const double dense_cost = 3.0 * FORWARD * IMAGES * 3, share = (double)FORWARD;
    CHECK_NEAR(json_number_value(json_object_get(dense, "train_flops_stage")), dense_cost, 0, 0);
    CHECK_NEAR(json_number_value(json_object_get(dense, "train_flops_total")), dense_cost, 0, 0);
    /* 8 of 15 steps are left: three of epoch 1 (32 each; 5 steps an epoch) and epoch 2. */
    CHECK_NEAR(json_number_value(json_object_get(rewound, "train_flops_stage")), 3.0 * FORWARD * (3 * 32 + IMAGES), 0, 0);
    CHECK_NEAR(json_number_value(json_object_get(rewound, "train_flops_total")), dense_cost + 3.0 * FORWARD * (3 * 32 + IMAGES), 0, 0);
    /* Four users share the teacher's passes, but only two of them see steps 0 to 6. */
    CHECK_EQ_INT(json_integer_value(json_object_get(kd, "teacher_users")), 4);
    CHECK_EQ_INT(json_integer_value(json_object_get(kd, "teacher_images")), 3 * IMAGES);
    CHECK_NEAR(json_number_value(json_object_get(kd, "train_flops_total")),
               2 * dense_cost + share * (IMAGES / 2.0 + IMAGES / 4.0 + IMAGES / 4.0), 0, 1e-12);
    json_decref(results);
}

/* 15 steps of 32 images. With f_S and f_D forward FLOPs, a step costs 3 f_S; one that looks at all gradients 2 f_S + f_D. */
TEST(costs_follow_the_topology)
{
    enum { STEPS = 15, BATCH = 32 };
    static const char *const set[] = {"compare.sparsity=[80%]", "methods.rigl={topology: {interval: 2it, end: 75%}}",
                                      "methods.snfs={topology: {interval: 2it, end: 75%, redistribute: none}}"};
    const char *store = scratch_path("topology");
    wn_run_options options = options_for(write_recipe("few.yaml", "[static, set, rigl, snfs]"), store);
    options.set = set;
    options.sets = 3;
    CHECK_OK(wn_experiment_run(&options, NULL));
    json_t *results = results_of(store);
    const double dense = FORWARD, images = STEPS * BATCH;
    static const char *const names[] = {"static", "set", "rigl", "snfs"};
    for (int m = 0; m < 4; m++) {
        const json_t *row = find_row(results, names[m], 0.8);
        const double sparse = json_number_value(json_object_get(row, "inference_flops"));
        const double updates = json_number_value(json_object_get(json_object_get(row, "topology"), "updates"));
        const double looks = m == 2 ? updates : m == 3 ? STEPS : 0;
        const double wanted = 3 * sparse * images + looks * BATCH * (dense - sparse);
        CHECK(sparse < dense && (m == 0 || updates > 0));
        CHECK_NEAR(json_number_value(json_object_get(row, "train_flops_stage")), wanted, 0, 0);
        CHECK_NEAR(json_number_value(json_object_get(row, "train_flops_total")), wanted, 0, 0); /* nothing dense before it */
        CHECK_NEAR(json_number_value(json_object_get(row, "train_flops_ratio")), wanted / (3 * dense * images), 0, 1e-12);
        CHECK_NEAR(json_number_value(json_object_get(row, "flops_ratio")), sparse / dense, 0, 1e-12);
    }
    json_decref(results);
}

/* The kernels of the only masked training in the store, as its stage recorded them. */
static void read_kernels(const char *store, char *text, size_t size)
{
    json_t *results = results_of(store), *record;
    char path[1400];
    const json_t *row = find_row(results, "static", 0.5);
    snprintf(path, sizeof path, "%s/stages/%.16s/kernels.json", store, json_string_value(json_object_get(row, "stage")));
    CHECK_OK(wn__json_load(path, &record));
    CHECK(json_string_value(json_object_get(record, "cpu")) && json_string_value(json_object_get(record, "isa")));
    char *layers = json_dumps(json_object_get(record, "layers"), JSON_COMPACT | JSON_SORT_KEYS);
    CHECK(layers && strlen(layers) < size);
    strcpy(text, layers);
    free(layers);
    json_decref(record);
    json_decref(results);
}

TEST(kernels_are_recorded_and_change_no_byte)
{
    char layers[2][4096];
    const char *stores[2] = {scratch_path("by-sparse"), scratch_path("by-dense")}, *path = write_recipe("few.yaml", "[static]");
    for (int i = 0; i < 2; i++) {
        const char *const set[] = {"backend=sparse", "compare.sparsity=[50%]", i ? "kernels=dense" : "kernels=sparse"};
        wn_run_options options = options_for(path, stores[i]);
        options.set = set;
        options.sets = 3;
        CHECK_OK(wn_experiment_run(&options, NULL));
        read_kernels(stores[i], layers[i], sizeof layers[i]);
    }
    CHECK(strcmp(layers[0], layers[1]) != 0);
    CHECK_HAS_TEXT(layers[1], "dense");
    char command[1400];
    snprintf(command, sizeof command,
             "cd %s/stages && for f in */final.safetensors */metrics.jsonl; do cmp $f %s/stages/$f || exit 1; done", stores[0], stores[1]);
    CHECK_EQ_INT(system(command), 0);
}

/* Pruning what is as sparse already keeps its mask, and so its accuracy. */
TEST(a_ticket_of_what_another_method_trained)
{
    static const char *const set[] = {
        "compare.sparsity=[80%]",
        "methods={rigl: {topology: {interval: 2it}}, gmp-ticket: {like: lottery-ticket, mask: {of: gradual-pruning}}, "
        "gmp-rigl: {like: rigl, mask: {from: pruned, of: gradual-pruning}}, gmp-restart: {like: lr-rewind, mask: {of: "
        "gradual-pruning}}, gmp-random: {like: random-ticket, mask: {of: gradual-pruning}}, rigl-again: {like: "
        "lottery-ticket, mask: {of: rigl, layers: all}}, gradual-pruning: {mask: {gradual: {interval: 2it}}}}"};
    static const char *const pairs[][2] = {{"gmp-ticket", "gradual-pruning"}, {"gmp-restart", "gradual-pruning"}, {"rigl-again", "rigl"}};
    const char *store = scratch_path("of");
    wn_run_options options = options_for(
        write_recipe("few.yaml", "[dense, gradual-pruning, rigl, gmp-ticket, gmp-rigl, gmp-restart, gmp-random, rigl-again]"), store);
    options.set = set;
    options.sets = 2;
    CHECK_OK(wn_experiment_run(&options, NULL));
    json_t *results = results_of(store);
    for (int i = 0; i < 3; i++) {
        const json_t *row = find_row(results, pairs[i][0], 0.8), *of = find_row(results, pairs[i][1], 0.8);
        CHECK_NEAR(json_number_value(json_object_get(row, "pruned_accuracy")), json_number_value(json_object_get(of, "test_accuracy")), 0,
                   0);
        CHECK_EQ_INT(json_integer_value(json_object_get(row, "network_nonzero")),
                     json_integer_value(json_object_get(of, "network_nonzero")));
        CHECK(json_number_value(json_object_get(row, "train_flops_total")) >=
              json_number_value(json_object_get(of, "train_flops_total")) + json_number_value(json_object_get(row, "train_flops_stage")));
    }
    json_decref(results);
}

/* ---- seconds */

static void add_up(void *user, const wn_timed_stage *stage)
{
    double *seconds = user;
    CHECK(stage->ms_step > 0 && stage->ms_change > 0 && stage->ms_after > 0);
    const bool rigl = strncmp(stage->label, "rigl", 4) == 0, shares = strncmp(stage->label, "rigl-sg", 7) == 0;
    CHECK(stage->ms_late > 0 && stage->late <= 1 && (shares || stage->late == 0));
    if (shares && strstr(stage->label, "80%")) CHECK(stage->late > 0);
    CHECK_EQ_INT(stage->changes, rigl && strstr(stage->label, "80%") ? 6 : 0); /* steps 0, 2 ... 10 of 15 */
    const double usual = stage->ms_step * (double)(stage->steps - 2 * stage->changes);
    const double late = stage->late * (stage->ms_late - stage->ms_step) * (double)stage->steps;
    CHECK_NEAR(1e3 * stage->seconds, usual + (stage->ms_change + stage->ms_after) * (double)stage->changes + late, 0, 1e-9);
    *seconds += stage->seconds;
}

TEST(steps_are_timed_once_more_and_leave_no_trace)
{
    static const char *const set[] = {"methods.rigl={topology: {interval: 2it, end: 75%}}",
                                      "methods.rigl-sg={topology: {interval: 2it, end: 75%}}",
                                      "methods.str={mask: {threshold: {start: -9}}}"};
    char folder[1024], path[2200], before[1024];
    const char *store = scratch_path("timed");
    wn_run_options options = options_for(write_recipe("few.yaml", "[dense, rigl, rigl-sg, str, kd-ticket]"), store);
    options.set = set;
    options.sets = 3;
    CHECK_OK(wn_experiment_run(&options, NULL));
    snprintf(folder, sizeof folder, "%s/few", store);
    snprintf(before, sizeof before, "%s", scratch_path("timed-before"));
    snprintf(path, sizeof path, "cp -r %s %s", store, before);
    CHECK_EQ_INT(system(path), 0);
    snprintf(path, sizeof path, "mkdir %s/timing && echo other > %s/timing/checkpoint.safetensors", folder,
             folder); /* of a call that was cut off */
    CHECK_EQ_INT(system(path), 0);
    double seconds = 0;
    const wn_time_options how = {.size = sizeof how, .rounds = 1, .threads = 1};
    CHECK_OK(wn_experiment_time(folder, &how, add_up, &seconds));
    snprintf(path, sizeof path, "diff -r --exclude seconds.json --exclude lock %s %s", store, before);
    CHECK_EQ_INT(system(path), 0);
    json_t *json;
    snprintf(path, sizeof path, "%s/seconds.json", folder);
    CHECK_OK(wn__json_load(path, &json));
    const json_t *ticket = find_row(json, "kd-ticket", 0.8), *dense = find_row(json, "dense", 0);
    const double own = json_number_value(json_object_get(ticket, "seconds")),
                 all = json_number_value(json_object_get(ticket, "seconds_total"));
    CHECK(all > own + json_number_value(json_object_get(dense, "seconds"))); /* the dense run before it, and the teacher's passes */
    CHECK(seconds > own);
    json_decref(json);
}

TEST(what_was_not_run_cannot_be_timed)
{
    const char *store = scratch_path("untimed");
    const wn_time_options wrong = {.size = sizeof wrong, .rounds = -1};
    char folder[1024], path[1100];
    const wn_run_options options = options_for(write_recipe("few.yaml", "[dense]"), store);
    CHECK_OK(wn_experiment_run(&options, NULL));
    snprintf(folder, sizeof folder, "%s/few", store);
    CHECK_STATUS(wn_experiment_time(folder, &wrong, NULL, NULL), WN_EUSAGE);
    snprintf(path, sizeof path, "%s/stages", store);
    CHECK_OK(wn__remove_tree(path));
    CHECK_STATUS(wn_experiment_time(folder, NULL, NULL, NULL), WN_ENOTFOUND);
    CHECK_HAS_TEXT(wn_error_message(), "`winnow run` comes first");
}

/* ---- stopping and continuing */

static int calls_left;

static void kill_at_call(void *user, const wn_progress *progress)
{
    (void)user, (void)progress;
    if (--calls_left == 0) raise(SIGKILL);
}

static void stop_at_call(void *user, const wn_progress *progress)
{
    (void)user, (void)progress;
    if (--calls_left == 0) wn_request_stop();
}

/* Run in a process that ends itself at the n-th progress call; its wait status. */
static int run_disturbed(const char *path, const char *store, wn_progress_call disturb, int n, int jobs)
{
    fflush(NULL);
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        wn_run_options options = options_for(path, store);
        options.progress = disturb;
        options.jobs = jobs;
        options.force = true;
        calls_left = n;
        const wn_status status = wn_experiment_run(&options, NULL);
        _exit(status == WN_OK ? 0 : status == WN_ESTOPPED ? 5 : 1);
    }
    int how;
    CHECK(waitpid(pid, &how, 0) == pid);
    return how;
}

TEST(killed_at_any_moment_it_continues_to_the_same_bytes)
{
    const char *path = write_recipe("few.yaml", FEW), *store = scratch_path("killed");
    static const int moments[] = {1, 4, 9, 23, 38, 2, 17}; /* progress calls into what is left each time */
    for (int i = 0; i < 7; i++)
        CHECK(WIFSIGNALED(run_disturbed(path, store, kill_at_call, moments[i], 1)));
    run_in(store, FEW);
    check_same_stores(undisturbed(), store);
}

TEST(stopped_on_request_it_says_so_and_continues)
{
    const char *path = write_recipe("few.yaml", FEW), *store = scratch_path("stopped");
    for (int n = 5; n < 50; n += 18) {
        const int how = run_disturbed(path, store, stop_at_call, n, 1);
        CHECK(WIFEXITED(how) && WEXITSTATUS(how) == 5);
    }
    run_in(store, FEW);
    check_same_stores(undisturbed(), store);
}

/* ---- side by side */

TEST(workers_give_the_same_bytes)
{
    const char *path = write_recipe("few.yaml", FEW), *store = scratch_path("workers");
    wn_run_options options = options_for(path, store);
    wn_run_summary summary;
    options.jobs = 2;
    options.force = true;
    CHECK_OK(wn_experiment_run(&options, &summary));
    CHECK_EQ_INT(summary.run, FEW_STAGES);
    check_same_stores(undisturbed(), store);
}

/* What was asked for is done or refused; a recipe, which comes from another machine, gives way. */
TEST(threads_keep_to_the_cpus)
{
    const int cpus = wn_cpu_count();
    CHECK(cpus >= 1);
    CHECK_EQ_INT(wn__machine_threads(0, 0, 1, false), cpus);
    CHECK_EQ_INT(wn__machine_threads(0, cpus + 1, 1, false), cpus);
    CHECK_EQ_INT(wn__machine_threads(0, cpus + 1, 1, true), cpus + 1);
    CHECK_EQ_INT(wn__machine_threads(cpus + 1, 1, 1, false), cpus + 1);
    CHECK_EQ_INT(wn__machine_threads(0, cpus, cpus, false), 1);
    wn_run_options options = options_for(write_recipe("few.yaml", FEW), scratch_path("crowded"));
    options.jobs = 2;
    options.threads = cpus;
    CHECK_STATUS(wn_experiment_run(&options, NULL), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "force allows more");
    CHECK(!wn__folder_exists(options.out));
}

TEST(workers_need_a_command_line)
{
    wn_run_options options = options_for(write_recipe("few.yaml", FEW), scratch_path("never"));
    options.jobs = 2;
    options.force = true;
    options.worker = NULL;
    CHECK_STATUS(wn_experiment_run(&options, NULL), WN_EINVAL);
}

TEST(a_worker_that_cannot_start_is_an_error)
{
    static const char *const nothing[] = {"/nonexistent/winnow", NULL};
    wn_run_options options = options_for(write_recipe("few.yaml", FEW), scratch_path("unstarted"));
    options.jobs = 2;
    options.force = true;
    options.worker = nothing;
    CHECK_STATUS(wn_experiment_run(&options, NULL), WN_EIO);
    CHECK_HAS_TEXT(wn_error_message(), "\"/nonexistent/winnow\" cannot be started");
}

TEST(two_processes_on_one_store_share_the_work)
{
    const char *path = write_recipe("few.yaml", FEW), *store = scratch_path("shared");
    pid_t pid[2];
    int ran = 0;
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        pid[i] = fork();
        CHECK(pid[i] >= 0);
        if (pid[i] > 0) continue;
        const wn_run_options options = options_for(path, store);
        wn_run_summary summary;
        if (wn_experiment_run(&options, &summary) != WN_OK) _exit(99);
        _exit(summary.run);
    }
    for (int i = 0; i < 2; i++) {
        int how;
        CHECK(waitpid(pid[i], &how, 0) == pid[i]);
        CHECK(WIFEXITED(how) && WEXITSTATUS(how) != 99);
        ran += WEXITSTATUS(how);
    }
    CHECK(ran >= FEW_STAGES); /* each stage is counted by whoever waited for it, too */
    check_same_stores(undisturbed(), store);
}

/* ---- doing again */

TEST(redo_runs_a_stage_and_what_depends_on_it)
{
    const char *store = scratch_path("redone");
    run_in(store, FEW);
    const char *const mask[] = {"mask"}, *const label[] = {"kd-ticket 80%*"}, *const nothing[] = {"gnu"};
    wn_run_options options = options_for(write_recipe("few.yaml", FEW), store);
    wn_run_summary summary;
    options.redo = label;
    options.redos = 1;
    CHECK_OK(wn_experiment_run(&options, &summary));
    CHECK_EQ_INT(summary.run, 1);
    options.redo = mask;
    CHECK_OK(wn_experiment_run(&options, &summary));
    CHECK_EQ_INT(summary.run, 1 + 1 + 4); /* mask, evaluation, four methods at 80 % */
    options.redo = nothing;
    CHECK_STATUS(wn_experiment_run(&options, &summary), WN_EUSAGE);
    check_same_stores(undisturbed(), store);
}

/* The first stage folder under `store` that holds `file`. */
static const char *folder_with(const char *store, const char *file)
{
    static char found[1024];
    char folder[512], **names;
    int count;
    snprintf(folder, sizeof folder, "%s/stages", store);
    CHECK_OK(wn__list_folder(folder, &names, &count));
    found[0] = 0;
    for (int i = 0; i < count && !found[0]; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s/%s", folder, names[i], file);
        if (wn__file_exists(path)) snprintf(found, sizeof found, "%s", path);
    }
    wn__free_names(names, count);
    CHECK(found[0]);
    return found;
}

static void damage(const char *path) { CHECK_OK(wn__file_write(path, "{ garbage", 9)); }

/* The same command again: so many stages are run, to the same bytes. */
static void run_again(const char *store, int stages)
{
    const wn_run_options options = options_for(write_recipe("few.yaml", FEW), store);
    wn_run_summary summary;
    CHECK_OK(wn_experiment_run(&options, &summary));
    CHECK_EQ_INT(summary.run, stages);
    check_same_stores(undisturbed(), store);
}

static void stage_file(char path[1024], const char *store, const char *beside, const char *file)
{
    snprintf(path, 1024, "%s", folder_with(store, beside));
    snprintf(strrchr(path, '/') + 1, 64, "%s", file);
}

TEST(a_damaged_stage_counts_as_not_done)
{
    const char *store = scratch_path("damaged");
    char path[1024];
    run_in(store, FEW);
    stage_file(path, store, "step-7.safetensors", "done.json");
    damage(path);
    run_again(store, 1);
    stage_file(path, store, "mask.safetensors", "done.json");
    damage(path);
    stage_file(path, store, "mask.safetensors", "stage.json");
    damage(path);
    run_again(store, 1);
    run_again(store, 0);
}

TEST(a_damaged_file_of_a_done_stage_is_named_with_what_makes_it_again)
{
    const char *store = scratch_path("damaged-file");
    const char *const redo[] = {"mask", "dense*"};
    char path[1024], dense[1024];
    run_in(store, FEW);
    wn_run_options options = options_for(write_recipe("few.yaml", FEW), store);
    options.redo = redo;
    options.redos = 1;
    stage_file(dense, store, "step-7.safetensors", "final.safetensors");
    damage(dense);
    CHECK_STATUS(wn_experiment_run(&options, NULL), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "--redo \"dense");
    options.redo = redo + 1;
    CHECK_OK(wn_experiment_run(&options, NULL));
    check_same_stores(undisturbed(), store);
    stage_file(path, store, "mask.safetensors", "mask.safetensors");
    CHECK(unlink(path) == 0);
    const char *const tickets[] = {"lottery-ticket 80%*"};
    options.redo = tickets;
    CHECK_STATUS(wn_experiment_run(&options, NULL), WN_ENOTFOUND);
    CHECK_HAS_TEXT(wn_error_message(), "--redo \"mask");
}

TEST(damaged_soft_labels_are_made_again)
{
    const char *const redo[] = {"kd-ticket*"};
    const char *store = scratch_path("labels");
    char path[1024];
    run_in(store, FEW);
    wn_run_options options = options_for(write_recipe("few.yaml", FEW), store);
    options.redo = redo;
    options.redos = 1;
    snprintf(path, sizeof path, "%s", folder_with(store, "labels.cache"));
    for (int how = 0; how < 4; how++) {
        int64_t size;
        CHECK_OK(wn__file_size(path, &size));
        if (how == 0) CHECK(unlink(path) == 0);
        if (how == 1) CHECK(truncate(path, size / 2) == 0);
        if (how == 2) damage(path);
        if (how == 3) { /* in its last epoch: found when that is read */
            char *data;
            size_t length;
            CHECK_OK(wn__file_read(path, &data, &length));
            data[length - 100] ^= 1;
            CHECK_OK(wn__file_write(path, data, length));
            wn__free(data);
        }
        CHECK_OK(wn_experiment_run(&options, NULL));
        check_same_stores(undisturbed(), store);
    }
}

static void try_the_other(void *user, const wn_progress *progress)
{
    (void)progress;
    int *tried = user;
    if ((*tried)++) return;
    const char *const more[] = {"train.epochs=4"}, *const threads[] = {"threads=2"};
    wn_run_options other = options_for(scratch_path("few.yaml"), scratch_path("one-name"));
    other.set = more;
    other.sets = 1;
    CHECK_STATUS(wn_experiment_run(&other, NULL), WN_EBUSY);
    CHECK_HAS_TEXT(wn_error_message(), "another recipe of the name \"few\"");
    wn__experiment same;
    other.set = threads;
    CHECK_OK(wn__experiment_open(&other, &same));
    CHECK_OK(wn__experiment_write_folder(&same, other.recipe));
    wn__experiment_close(&same);
}

TEST(two_recipes_of_one_name_do_not_mix)
{
    int tried = 0;
    wn_run_options options = options_for(write_recipe("few.yaml", "[dense]"), scratch_path("one-name"));
    options.progress = try_the_other;
    options.user = &tried;
    CHECK_OK(wn_experiment_run(&options, NULL));
    CHECK(tried > 0);
    const char *const more[] = {"train.epochs=4"}; /* one after the other they may */
    options.progress = NULL;
    options.set = more;
    options.sets = 1;
    CHECK_OK(wn_experiment_run(&options, NULL));
}

TEST(a_folder_holds_one_training)
{
    const char *const seven[] = {"train.epochs=7"};
    const char *folder = scratch_path("trained");
    wn_run_options options = options_for(write_recipe("few.yaml", FEW), NULL);
    CHECK_OK(wn_train(&options, 0, folder, NULL));
    char *before, *after, *path = wn__path_join(folder, "resolved.yaml");
    size_t size;
    CHECK_OK(wn__file_read(path, &before, &size));
    CHECK_STATUS(wn_train(&options, 1, folder, NULL), WN_EMISMATCH);
    options.set = seven;
    options.sets = 1;
    CHECK_STATUS(wn_train(&options, 0, folder, NULL), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), "there \"steps: 15\", here \"steps: 35\"");
    CHECK_OK(wn__file_read(path, &after, &size));
    CHECK_EQ_TEXT(after, before);
    wn__free(before);
    wn__free(after);
    wn__free(path);
}

TEST(a_point_that_was_not_kept_is_replayed)
{
    const char *store = scratch_path("replayed");
    const char *const redo[] = {"*weight-rewind*"};
    run_in(store, FEW);
    CHECK(unlink(folder_with(store, "step-7.safetensors")) == 0);
    wn_run_options options = options_for(write_recipe("few.yaml", FEW), store);
    options.redo = redo;
    options.redos = 1;
    CHECK_OK(wn_experiment_run(&options, NULL));
    check_same_stores(undisturbed(), store); /* the state itself too */
}

TEST(a_live_teacher_gives_the_same_bytes_as_the_cache)
{
    const char *const set[] = {"teacher.cache=off", "name=few"};
    const char *store = scratch_path("live");
    wn_run_options options = options_for(write_recipe("few.yaml", FEW), store);
    wn_run_summary summary;
    options.set = set;
    options.sets = 2;
    CHECK_OK(wn_experiment_run(&options, &summary));
    CHECK_EQ_INT(summary.stages, FEW_STAGES - 1);
    check_same_stores(undisturbed(), store);
}

/* Dense networks and masked ones on backends of their own, in one process; a live teacher and its cached labels. */
TEST(auto_runs_tickets_on_stored_entries)
{
    const char *const set[] = {"backend=auto", "name=few", "teacher.cache=off"};
    const char *path = write_recipe("few.yaml", FEW), *cached = scratch_path("auto"), *live = scratch_path("auto-live");
    wn_run_options options = options_for(path, cached);
    wn_run_summary summary;
    options.set = set;
    options.sets = 2;
    CHECK_OK(wn_experiment_run(&options, &summary));
    CHECK_EQ_INT(summary.run, FEW_STAGES);
    CHECK_OK(wn_experiment_run(&options, &summary));
    CHECK_EQ_INT(summary.run, 0);
    options.out = live;
    options.sets = 3;
    CHECK_OK(wn_experiment_run(&options, &summary));
    check_same_stores(cached, live);
    json_t *results = results_of(cached), *row;
    size_t index;
    json_array_foreach(json_object_get(results, "rows"), index, row)
    {
        CHECK(json_number_value(json_object_get(row, "test_accuracy")) > 0);
        if (json_number_value(json_object_get(row, "sparsity")) > 0)
            CHECK_NEAR(json_number_value(json_object_get(row, "sparsity_selected")), 0.8, 0.01, 0);
    }
    const json_t *environment = json_object_get(results, "environment");
    if (strcmp(json_string_value(json_object_get(environment, "backend")), "sparse") != 0)
        CHECK_EQ_TEXT(json_string_value(json_object_get(environment, "sparse_backend")), "sparse");
    json_decref(results);
}

/* ---- the faster backend */

static void write_choice(const char *path, const char *backend)
{
    char text[64];
    snprintf(text, sizeof text, "{\"backend\": \"%s\"}\n", backend);
    CHECK_OK(wn__file_write(path, text, strlen(text)));
}

static void check_resolved(const char *store, const char *line)
{
    char path[1100], *text;
    size_t size;
    snprintf(path, sizeof path, "%s/few/resolved.yaml", store);
    CHECK_OK(wn__file_read(path, &text, &size));
    CHECK_HAS_TEXT(text, line);
    wn__free(text);
}

/* Every start takes what the store says, be it faster or not. */
TEST(fastest_backend_is_chosen_once_for_a_store)
{
    const char *const fastest[] = {"backend=fastest"}, *const named[] = {"backend=sparse"};
    const char *store = scratch_path("fastest");
    if (strcmp(wn__backends[0]->name, "sparse") == 0) SKIP("dense networks have one backend here");
    wn_run_options options = options_for(write_recipe("few.yaml", "[dense]"), store);
    wn_run_summary summary;
    char folder[1100], path[1400], **names;
    int count;
    options.set = fastest;
    options.sets = 1;
    CHECK_OK(wn_experiment_plan(&options, false, NULL, NULL, NULL));
    CHECK(!wn__folder_exists(store));
    CHECK_OK(wn_experiment_run(&options, &summary));
    snprintf(folder, sizeof folder, "%s/backends", store);
    CHECK_OK(wn__list_folder(folder, &names, &count));
    CHECK_EQ_INT(count, 1);
    snprintf(path, sizeof path, "%s/%s", folder, names[0]);
    wn__free_names(names, count);
    int run = 1;
    static const char *const taken[][2] = {{"sparse", "backend: sparse"}, {"", "backend: auto"}};
    for (int i = 0; i < 2; i++) {
        write_choice(path, i == 0 ? "sparse" : wn__backends[0]->name);
        CHECK_OK(wn_experiment_run(&options, &summary));
        check_resolved(store, taken[i][1]);
        run += summary.run;
    }
    CHECK_EQ_INT(run, 2); /* one of the two was the measured one */
    options.set = named;
    CHECK_OK(wn_experiment_run(&options, &summary));
    CHECK_EQ_INT(summary.run, 0);
    options.set = fastest;
    write_choice(path, "abacus");
    CHECK_STATUS(wn_experiment_run(&options, &summary), WN_EFORMAT);
}

TEST(fastest_is_of_whole_recipes)
{
    const char *const set[] = {"methods.dense={backend: fastest}"};
    wn_run_options options = options_for(write_recipe("few.yaml", "[dense]"), scratch_path("fastest-row"));
    options.set = set;
    options.sets = 1;
    CHECK_STATUS(wn_experiment_run(&options, NULL), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "of a recipe as a whole");
}

static void check_backends(void *user, const wn_timed_stage *stage)
{
    const bool dense = !strstr(stage->label, "80%");
    CHECK_EQ_INT(stage->slower != NULL, dense);
    if (dense) CHECK(strcmp(stage->slower, stage->backend) != 0 && stage->slower_seconds >= stage->seconds);
    if (!dense) CHECK_EQ_TEXT(stage->backend, "sparse");
    ++*(int *)user;
}

TEST(dense_networks_are_timed_on_the_faster_backend)
{
    const char *const set[] = {"backend=auto"};
    const char *store = scratch_path("timed-on");
    if (strcmp(wn__backends[0]->name, "sparse") == 0) SKIP("dense networks have one backend here");
    wn_run_options options = options_for(write_recipe("few.yaml", "[dense, static]"), store);
    char folder[1100];
    int stages = 0;
    options.set = set;
    options.sets = 1;
    CHECK_OK(wn_experiment_run(&options, NULL));
    snprintf(folder, sizeof folder, "%s/few", store);
    CHECK_OK(wn_experiment_time(folder, &WN_OPTIONS(wn_time_options, .rounds = 1, .threads = 1), check_backends, &stages));
    CHECK(stages >= 2);
    json_t *json;
    snprintf(folder, sizeof folder, "%s/few/seconds.json", store);
    CHECK_OK(wn__json_load(folder, &json));
    CHECK_EQ_TEXT(json_string_value(json_object_get(find_row(json, "static", 0.8), "backend")), "sparse");
    json_decref(json);
}

TEST(iterative_chains_run)
{
    const char *const set[] = {"mask={rounds: 2, scope: layer}", "name=few"};
    const char *store = scratch_path("chains");
    wn_run_options options = options_for(write_recipe("few.yaml", "[lottery-ticket, kd-lr-rewind, random-ticket]"), store);
    options.set = set;
    options.sets = 2;
    CHECK_OK(wn_experiment_run(&options, NULL));
    json_t *results = results_of(store);
    const json_t *row = find_row(results, "kd-lr-rewind", 0.8);
    CHECK_EQ_INT(json_integer_value(json_object_get(row, "rounds")), 2);
    CHECK_NEAR(json_number_value(json_object_get(row, "sparsity_selected")), 0.8, 1.0 / 324, 0);
    CHECK_EQ_INT(json_array_size(json_object_get(row, "stages")), 6); /* dense, mask, round 1, mask, (soft labels), the row */
    json_decref(results);
}

static double number_of(const json_t *row, const char *key) { return json_number_value(json_object_get(row, key)); }

/* The accuracy straight after pruning is that of the start file under the mask, and nothing dense is trained. */
TEST(masks_and_teachers_and_weights_come_from_files_too)
{
    static const char *const starts[] = {"final.safetensors", "step-7.safetensors"};
    char dense[1100], mask[1200], start[1200], set_mask[1300], set_rest[3000];
    json_t *before = results_of(undisturbed());
    const double pruned = number_of(find_row(before, "kd-ticket", 0.8), "pruned_accuracy");
    snprintf(dense, sizeof dense, "%s", folder_with(undisturbed(), "step-7.safetensors"));
    *strrchr(dense, '/') = 0;
    snprintf(mask, sizeof mask, "%s", folder_with(undisturbed(), "mask.safetensors"));
    snprintf(set_mask, sizeof set_mask, "mask.file=%s", mask);
    for (int i = 0; i < 2; i++) {
        const char *store = scratch_path(i ? "files-early" : "files");
        snprintf(start, sizeof start, "%s/%s", dense, starts[i]);
        snprintf(set_rest, sizeof set_rest, "methods={kd-ticket: {start_file: %s, teacher: {file: %s}}}", start, start);
        const char *const set[] = {set_mask, set_rest, "name=few"};
        wn_run_options options = options_for(write_recipe("few.yaml", "[kd-ticket]"), store);
        wn_run_summary summary;
        options.set = set;
        options.sets = 3;
        CHECK_OK(wn_experiment_run(&options, &summary));
        CHECK_EQ_INT(summary.stages, 3); /* mask, evaluation, training */
        json_t *results = results_of(store);
        CHECK_EQ_INT(json_array_size(json_object_get(results, "rows")), 1);
        const json_t *row = json_array_get(json_object_get(results, "rows"), 0);
        CHECK_NEAR(number_of(row, "sparsity"), 0.8, 0.5 / 324, 0);
        CHECK_EQ_TEXT(json_string_value(json_object_get(row, "pruned_from")), start);
        CHECK_EQ_INT(number_of(row, "pruned_accuracy") == pruned, i == 0);
        json_decref(results);
    }
    json_decref(before);
}

/* Trained on from a file: tickets are cut from what becomes of it, and learn from that. */
TEST(a_changed_dense_row_is_what_others_come_from)
{
    const char *store = scratch_path("dense-row");
    char methods[1300];
    snprintf(methods, sizeof methods, "methods={dense: {start_file: %s}}", folder_with(undisturbed(), "step-7.safetensors"));
    const char *const set[] = {methods, "name=few"};
    wn_run_options options = options_for(write_recipe("few.yaml", "[lr-rewind, kd-ticket, dense]"), store);
    options.set = set;
    options.sets = 2;
    CHECK_OK(wn_experiment_run(&options, NULL));
    json_t *results = results_of(store);
    const json_t *dense = find_row(results, "dense", 0), *kd = find_row(results, "kd-ticket", 0.8);
    const char *identity = json_string_value(json_object_get(dense, "stage"));
    CHECK_EQ_TEXT(json_string_value(json_object_get(kd, "pruned_from")), identity);
    CHECK_EQ_TEXT(json_string_value(json_object_get(json_object_get(kd, "labels"), "teacher")), identity);
    CHECK_EQ_TEXT(json_string_value(json_array_get(json_object_get(find_row(results, "lr-rewind", 0.8), "stages"), 0)), identity);
    json_decref(results);
}

/* ---- failures */

TEST(a_diverging_run_stops_with_its_place_and_can_be_tried_again)
{
    const char *const set[] = {"train={lr: {constant: {base: 1e5}}, optimizer: {sgd: {weight_decay: 1}}, epochs: 3, batch: 32}",
                               "name=few"};
    const char *store = scratch_path("diverged");
    wn_run_options options = options_for(write_recipe("few.yaml", "[dense, lr-rewind]"), store);
    options.set = set;
    options.sets = 2;
    for (int i = 0; i < 2; i++) {
        CHECK_STATUS(wn_experiment_run(&options, NULL), WN_EDIVERGED);
        CHECK_HAS_TEXT(wn_error_message(), "dense seed 0");
        CHECK_HAS_TEXT(wn_error_message(), "step ");
    }
    json_t *results = results_of(store);
    CHECK(json_is_false(json_object_get(results, "complete")));
    CHECK_EQ_TEXT(json_string_value(json_object_get(find_row(results, "dense", 0), "state")), "failed");
    CHECK_EQ_TEXT(json_string_value(json_object_get(find_row(results, "lr-rewind", 0.8), "state")), "waiting");
    json_decref(results);
}

TEST(a_store_that_cannot_be_written_is_an_error)
{
    wn_run_options options = options_for(write_recipe("few.yaml", FEW), "/proc/winnow-runs");
    CHECK(wn_experiment_run(&options, NULL) != WN_OK);
    CHECK_HAS_TEXT(wn_error_message(), "/proc/winnow-runs");
}

/* ---- the plan and the store */

typedef struct counts {
    int stages, done, used;
    int64_t bytes;
    double seconds;
} counts;

static void count_planned(void *user, const wn_stage_info *stage)
{
    counts *c = user;
    c->stages++;
    c->done += strcmp(stage->state, "done") == 0;
    c->seconds += stage->seconds;
}

static void count_stored(void *user, const wn_stored_stage *stage)
{
    counts *c = user;
    c->stages++;
    c->done += strcmp(stage->state, "done") == 0;
    c->used += stage->used;
    c->bytes += stage->bytes;
}

TEST(planning_estimates_and_writes_nothing)
{
    const char *store = scratch_path("planned");
    const wn_run_options options = options_for(write_recipe("few.yaml", FEW), store);
    wn_plan_summary plan;
    counts c = {0};
    CHECK_OK(wn_experiment_plan(&options, true, count_planned, &c, &plan));
    CHECK_EQ_INT(plan.stages, FEW_STAGES);
    CHECK_EQ_INT(plan.done, 0);
    CHECK(!plan.measured && plan.seconds > 0);
    CHECK_EQ_INT(c.stages, FEW_STAGES);
    CHECK(!wn__folder_exists(store));
    const wn_run_options finished = options_for(write_recipe("few.yaml", FEW), undisturbed());
    CHECK_OK(wn_experiment_plan(&finished, false, NULL, NULL, &plan));
    CHECK_EQ_INT(plan.done, FEW_STAGES);
    CHECK(plan.measured && plan.seconds == 0);
}

TEST(gc_removes_what_no_experiment_refers_to)
{
    const char *store = scratch_path("collected");
    counts c = {0};
    int64_t bytes;
    run_in(store, FEW);
    run_in(store, "[dense]"); /* the same experiment, smaller: the rest is now unused */
    CHECK_OK(wn_store_status(store, NULL, count_stored, &c));
    CHECK_EQ_INT(c.stages, FEW_STAGES);
    CHECK_EQ_INT(c.used, 1);
    c = (counts){0};
    CHECK_OK(wn_store_status(store, "few", count_stored, &c));
    CHECK_EQ_INT(c.stages, 1);
    c = (counts){0};
    CHECK_OK(wn_store_gc(store, true, count_stored, &c, &bytes));
    CHECK_EQ_INT(c.stages, FEW_STAGES - 1);
    CHECK(bytes > 0 && bytes == c.bytes);
    c = (counts){0};
    CHECK_OK(wn_store_gc(store, false, count_stored, &c, &bytes));
    CHECK_EQ_INT(c.stages, FEW_STAGES - 1);
    c = (counts){0};
    CHECK_OK(wn_store_status(store, NULL, count_stored, &c));
    CHECK_EQ_INT(c.stages, 1);
    CHECK_EQ_INT(c.done, 1);
}

static void note_difference(void *user, const wn_difference *d)
{
    char *list = user;
    snprintf(list + strlen(list), 4096 - strlen(list), "%s|%s|%s\n", d->key, d->left ? d->left : "-", d->right ? d->right : "-");
}

TEST(diff_shows_what_was_changed)
{
    const char *const set[] = {"train.lr.step.base=0.2", "name=other"};
    const char *store = scratch_path("compared");
    char list[4096] = "";
    run_in(store, "[dense]");
    wn_run_options options = options_for(write_recipe("few.yaml", "[dense]"), store);
    options.set = set;
    options.sets = 2;
    CHECK_OK(wn_experiment_run(&options, NULL));
    CHECK_OK(wn_store_diff(store, "few", "other", note_difference, list));
    CHECK_HAS_TEXT(list, "name|few|other\n");
    CHECK_HAS_TEXT(list, "train.lr.step.base|0.1|0.2\n");
    CHECK_HAS_TEXT(list, "dense 0% seed 0: stage|");
    list[0] = 0;
    CHECK_OK(wn_store_diff(store, "few", "few", note_difference, list));
    CHECK_EQ_TEXT(list, "");
    CHECK_STATUS(wn_store_diff(store, "few", "gnu", note_difference, list), WN_ENOTFOUND);
}

/* ---- single steps */

static void count_tensors(void *user, const wn_tensor_info *tensor)
{
    counts *c = user;
    c->stages++;
    c->used += tensor->masked;
}

TEST(train_evaluate_prune_inspect)
{
    const char *folder = scratch_path("single"), *pruned = scratch_path("pruned.safetensors");
    wn_run_options options = options_for(write_recipe("few.yaml", FEW), NULL);
    wn_train_summary trained, again;
    CHECK_OK(wn_train(&options, 0, folder, &trained));
    CHECK_OK(wn_train(&options, 0, folder, &again));
    CHECK_NEAR(again.test_accuracy, trained.test_accuracy, 0, 0);

    const char *const set[] = {"backend=ref"}; /* the file says the rest */
    const wn_eval_options eval = {.size = sizeof eval, .weights = trained.weights, .set = set, .sets = 1, .threads = 1};
    wn_evaluation e;
    CHECK_OK(wn_eval(&eval, &e));
    CHECK_EQ_INT(e.count, 60);
    CHECK_NEAR(e.accuracy, trained.test_accuracy, 0, 0);
    int64_t sum = 0, diagonal = 0;
    for (int i = 0; i < e.classes * e.classes; i++)
        sum += e.confusion[i];
    for (int i = 0; i < e.classes; i++)
        diagonal += e.confusion[i * e.classes + i];
    CHECK_EQ_INT(sum, 60);
    CHECK_EQ_INT(diagonal, e.correct);
    wn_evaluation_release(&e);

    const wn_prune_options prune = {.size = sizeof prune, .weights = trained.weights, .result = pruned, .sparsity = "5x"};
    wn_prune_summary p;
    CHECK_OK(wn_prune(&prune, &p));
    CHECK_EQ_INT(p.selected, 324);
    CHECK_EQ_INT(p.selected_nonzero, 65);
    wn_file_summary f;
    counts c = {0};
    CHECK_OK(wn_inspect(pruned, count_tensors, NULL, &c, &f));
    CHECK_EQ_INT(c.used, 2);
    CHECK_EQ_INT(f.masked_count, 324);
    CHECK_EQ_INT(f.masked_nonzero, 65);
    CHECK(f.checked);
}

static char said[1 << 16]; /* log lines since it was emptied */
static void keep_lines(void *user, wn_log_level level, const char *text)
{
    (void)user, (void)level;
    const size_t length = strlen(said);
    snprintf(said + length, sizeof said - length, "%s\n", text);
}

TEST(what_was_not_evaluated_is_not_a_number)
{
    const char *const set[] = {"train.evaluate_every=2"};
    wn_run_options options = options_for(write_recipe("few.yaml", "[dense]"), NULL);
    options.set = set;
    options.sets = 1;
    said[0] = 0;
    wn_log_set_sink(keep_lines, NULL);
    CHECK_OK(wn_train(&options, 0, scratch_path("not-yet"), NULL));
    wn_log_set_sink(NULL, NULL);
    CHECK_HAS_TEXT(said, "validation not yet evaluated, test not yet evaluated");
    CHECK(!strstr(said, "nan"));
}

TEST(weights_that_are_not_finite_are_told)
{
    const float values[] = {1, NAN, INFINITY};
    const char *path = scratch_path("nan.safetensors");
    wn__st_writer *w;
    CHECK_OK(wn__st_writer_new(&w));
    CHECK_OK(wn__st_writer_add(w, "fc.weight", WN__ST_F32, 1, &(int64_t){3}, values));
    CHECK_OK(wn__st_writer_write(w, path));
    wn__st_writer_free(w);
    said[0] = 0;
    wn_log_set_sink(keep_lines, NULL);
    CHECK_OK(wn_inspect(path, NULL, NULL, NULL, NULL));
    wn_log_set_sink(NULL, NULL);
    CHECK_HAS_TEXT(said, "2 values are not finite, the first in fc.weight");
}

TEST(seconds_between_checkpoints_are_not_negative)
{
    wn_run_options options = options_for(write_recipe("few.yaml", "[dense]"), scratch_path("negative"));
    options.checkpoint_seconds = -1;
    CHECK_STATUS(wn_experiment_run(&options, NULL), WN_EINVAL);
    CHECK_STATUS(wn_train(&options, 0, scratch_path("negative"), NULL), WN_EINVAL);
}

TEST(weights_of_another_network_are_refused)
{
    wn_run_options options = options_for(write_recipe("few.yaml", FEW), NULL);
    wn_train_summary trained;
    wn_evaluation e;
    CHECK_OK(wn_train(&options, 0, scratch_path("single"), &trained));
    const char *const set[] = {"model={arch: resnet20}", "backend=ref"};
    const wn_eval_options eval = {.size = sizeof eval, .weights = trained.weights, .set = set, .sets = 2, .threads = 1};
    CHECK_STATUS(wn_eval(&eval, &e), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), trained.weights);
}

TEST(every_list_has_entries_and_settings)
{
    for (wn_list list = WN_LIST_METHODS; list <= WN_LIST_SECTIONS; list++) {
        const int count = wn_list_count(list);
        CHECK(count > 0);
        for (int i = 0; i < count; i++) {
            wn_list_entry entry;
            wn_setting_info setting;
            wn_status status = WN_OK;
            CHECK_OK(wn_list_get(list, i, &entry));
            CHECK(entry.name && entry.summary);
            for (int s = 0; status == WN_OK; s++) {
                status = wn_list_setting(list, i, s, &setting);
                if (status == WN_OK) CHECK(setting.name && setting.help && setting.type);
            }
            CHECK_EQ_INT(status, WN_ENOTFOUND);
        }
        wn_list_entry entry;
        CHECK_STATUS(wn_list_get(list, count, &entry), WN_EINVAL);
    }
    CHECK(wn_list_count(WN_LIST_METHODS) >= 17);
}

TEST(a_value_that_is_no_list_is_refused)
{
    const int values[] = {-1, WN_LIST_NODES + 1, 1000000};
    for (int i = 0; i < 3; i++) {
        wn_list_entry entry;
        wn_setting_info setting;
        CHECK_EQ_INT(wn_list_count((wn_list)values[i]), 0);
        CHECK_STATUS(wn_list_get((wn_list)values[i], 0, &entry), WN_EINVAL);
        CHECK_HAS_TEXT(wn_error_message(), "list");
        CHECK_STATUS(wn_list_setting((wn_list)values[i], 0, 0, &setting), WN_EINVAL);
    }
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--worker") == 0) return wn_stage_run(argv[2], argv[3], NULL) == WN_OK ? 0 : 1;
    if (!realpath(argv[0], program)) return 1;
    static const wn_test tests[] = {RUN(a_second_run_does_nothing),
                                    RUN(all_methods_run_and_give_complete_results),
                                    RUN(costs_are_those_of_the_protocol),
                                    RUN(costs_follow_the_topology),
                                    RUN(kernels_are_recorded_and_change_no_byte),
                                    RUN(a_ticket_of_what_another_method_trained),
                                    RUN(steps_are_timed_once_more_and_leave_no_trace),
                                    RUN(what_was_not_run_cannot_be_timed),
                                    RUN(killed_at_any_moment_it_continues_to_the_same_bytes),
                                    RUN(stopped_on_request_it_says_so_and_continues),
                                    RUN(workers_give_the_same_bytes),
                                    RUN(threads_keep_to_the_cpus),
                                    RUN(workers_need_a_command_line),
                                    RUN(a_worker_that_cannot_start_is_an_error),
                                    RUN(two_processes_on_one_store_share_the_work),
                                    RUN(redo_runs_a_stage_and_what_depends_on_it),
                                    RUN(a_damaged_stage_counts_as_not_done),
                                    RUN(a_damaged_file_of_a_done_stage_is_named_with_what_makes_it_again),
                                    RUN(damaged_soft_labels_are_made_again),
                                    RUN(two_recipes_of_one_name_do_not_mix),
                                    RUN(a_folder_holds_one_training),
                                    RUN(a_point_that_was_not_kept_is_replayed),
                                    RUN(a_live_teacher_gives_the_same_bytes_as_the_cache),
                                    RUN(auto_runs_tickets_on_stored_entries),
                                    RUN(fastest_backend_is_chosen_once_for_a_store),
                                    RUN(fastest_is_of_whole_recipes),
                                    RUN(dense_networks_are_timed_on_the_faster_backend),
                                    RUN(iterative_chains_run),
                                    RUN(masks_and_teachers_and_weights_come_from_files_too),
                                    RUN(a_changed_dense_row_is_what_others_come_from),
                                    RUN(a_diverging_run_stops_with_its_place_and_can_be_tried_again),
                                    RUN(a_store_that_cannot_be_written_is_an_error),
                                    RUN(planning_estimates_and_writes_nothing),
                                    RUN(gc_removes_what_no_experiment_refers_to),
                                    RUN(diff_shows_what_was_changed),
                                    RUN(train_evaluate_prune_inspect),
                                    RUN(what_was_not_evaluated_is_not_a_number),
                                    RUN(weights_that_are_not_finite_are_told),
                                    RUN(seconds_between_checkpoints_are_not_negative),
                                    RUN(weights_of_another_network_are_refused),
                                    RUN(every_list_has_entries_and_settings),
                                    RUN(a_value_that_is_no_list_is_refused),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
