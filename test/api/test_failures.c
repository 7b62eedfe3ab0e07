/* Every call of the public headers (but winnow/network.h, see test_handle_failures) with its allocations failing, one after the other: a status, no leak, no
 * half-written file, and the same call works afterwards. And many calls, which leave nothing behind. */
#include <malloc.h>

#include "base/alloc.h"
#include "tiny_recipe.h"
#include "winnow/bench.h"
#include "winnow/data.h"
#include "winnow/flops.h"
#include "winnow/graph.h"
#include "winnow/lab.h"
#include "winnow/network.h"
#include "winnow/report.h"
#include "winnow/shrink.h"
#include "winnow/sweep.h"

/* A store where the tiny recipe was run, and a weights file. */
static const char *done_store(void) { return scratch_path("done"); }
static const char *done_folder(void) { return scratch_path("done/tiny"); }
static const char *done_weights(void) { return scratch_path("done/trained/final.safetensors"); }
static const char *const networks[] = {"dense seed 0", "lottery-ticket 62.5% seed 0"};

static char recipe_file[512], network_file[512];

static wn_run_options run_options(const char *out) { return WN_OPTIONS(wn_run_options, .recipe = recipe_file, .out = out, .threads = 1); }

static wn_lab_options lab_options(const char *out)
{
    return WN_OPTIONS(wn_lab_options, .networks = networks, .count = 2, .out = done_store(), .folder = out, .threads = 1, .part = true);
}

static void make_done(void)
{
    snprintf(recipe_file, sizeof recipe_file, "%s", tiny_recipe("tiny", ""));
    snprintf(network_file, sizeof network_file, "%s", tiny_network());
    const wn_run_options run = run_options(done_store());
    wn_train_summary summary;
    if (wn__file_exists(done_weights())) return;
    CHECK_OK(wn_experiment_run(&run, NULL));
    CHECK_OK(wn_train(&run, 0, scratch_path("done/trained"), &summary));
}

/* ---- the calls; `out` is a folder that does not exist yet, or a file */

static wn_status recipe_resolve(const char *out)
{
    char *yaml = NULL;
    const wn_run_options run = run_options(out);
    const wn_status status = wn_recipe_resolve(&run, &yaml);
    wn_text_free(yaml);
    return status;
}

static wn_status experiment_plan(const char *out)
{
    const wn_run_options run = run_options(out);
    return wn_experiment_plan(&run, false, NULL, NULL, NULL);
}

static wn_status experiment_run(const char *out)
{
    const wn_run_options run = run_options(out);
    return wn_experiment_run(&run, NULL);
}

static wn_status experiment_again(const char *out)
{
    const wn_run_options run = run_options(done_store());
    (void)out;
    return wn_experiment_run(&run, NULL);
}

static wn_status experiment_time(const char *out)
{
    (void)out;
    return wn_experiment_time(done_folder(), &WN_OPTIONS(wn_time_options, .rounds = 1, .threads = 1), NULL, NULL);
}

static void keep_identity(void *user, const wn_stored_stage *stage)
{
    if (strcmp(stage->kind, "train") == 0) snprintf(user, 80, "%s", stage->identity);
}

static wn_status store_status(const char *out)
{
    char identity[80] = "";
    (void)out;
    return wn_store_status(done_store(), NULL, keep_identity, identity);
}

static wn_status stage_run(const char *out)
{
    char identity[80] = "";
    const wn_status status = wn_store_status(done_store(), "tiny", keep_identity, identity);
    (void)out;
    return status == WN_OK ? wn_stage_run(done_folder(), identity, NULL) : status;
}

static void ignore_difference(void *user, const wn_difference *difference) { (void)user, (void)difference; }

static wn_status store_diff(const char *out)
{
    (void)out;
    return wn_store_diff(done_store(), "tiny", "tiny", ignore_difference, NULL);
}

static wn_status store_gc(const char *out)
{
    int64_t bytes;
    (void)out;
    return wn_store_gc(done_store(), true, NULL, NULL, &bytes);
}

static wn_status train(const char *out)
{
    const wn_run_options run = run_options(NULL);
    wn_train_summary summary;
    return wn_train(&run, 1, out, &summary);
}

static wn_status eval(const char *out)
{
    wn_evaluation e = {0};
    const wn_status status = wn_eval(&WN_OPTIONS(wn_eval_options, .weights = done_weights(), .threads = 1), &e);
    (void)out;
    wn_evaluation_release(&e);
    return status;
}

static wn_status prune(const char *out)
{
    wn_prune_summary summary;
    return wn_prune(&WN_OPTIONS(wn_prune_options, .weights = done_weights(), .result = out, .sparsity = "50%", .threads = 1), &summary);
}

static wn_status inspect(const char *out)
{
    wn_file_summary summary;
    (void)out;
    return wn_inspect(done_weights(), NULL, NULL, NULL, &summary);
}

static wn_status list_all(const char *out)
{
    wn_list_entry entry;
    wn_setting_info info;
    (void)out;
    for (int list = WN_LIST_METHODS; list <= WN_LIST_SECTIONS; list++)
        for (int i = 0; i < wn_list_count((wn_list)list); i++) {
            const wn_status status = wn_list_get((wn_list)list, i, &entry);
            if (status != WN_OK) return status;
            if (wn_list_setting((wn_list)list, i, 0, &info) == WN_ENOMEM) return WN_ENOMEM;
        }
    return WN_OK;
}

static wn_status count_flops(const char *out)
{
    wn_flops_result r = {0};
    const wn_status status = wn_flops(&WN_OPTIONS(wn_flops_options, .model = "resnet8", .sparsity = "90%", .distribution = "erk"), &r);
    (void)out;
    wn_flops_release(&r);
    return status;
}

static wn_status graph(const char *out)
{
    wn_graph *g = wn_graph_new("g", 3, 8, 8);
    int x = wn_graph_conv(g, wn_graph_input(g), "conv", (wn_conv){.out = 4, .kernel = 3, .bias = true});
    x = wn_graph_add(g, wn_graph_relu(g, x), wn_graph_batch_norm(g, x, NULL));
    x = wn_graph_dropout(g, wn_graph_max_pool(g, x, 2, 2, 0), 0.1);
    const wn_status status = wn_graph_finish(g, wn_graph_linear(g, wn_graph_global_pool(g, x), "fc", 10, true));
    (void)out;
    wn_graph_free(g);
    return status;
}

static wn_status bench_step(const char *out)
{
    wn_bench_result r;
    (void)out;
    return wn_bench_step(&WN_OPTIONS(wn_bench_options, .model = network_file, .batch = 4, .runs = 1, .threads = 1, .backend = "ref"), &r);
}

static wn_status bench_plan(const char *out)
{
    wn_bench_memory m;
    (void)out;
    return wn_bench_plan(&WN_OPTIONS(wn_bench_options, .model = network_file, .batch = 4, .threads = 1, .backend = "sparse"), &m);
}

static wn_status data_list(const char *out)
{
    char folder[512];
    const wn_status status = wn_data_folder(NULL, folder, sizeof folder);
    return status == WN_OK ? wn_data_list(NULL, out, NULL, NULL) : status;
}

static wn_status report_text(const char *out)
{
    (void)out;
    for (int format = WN_REPORT_TEXT; format <= WN_REPORT_CLAIMS; format++) {
        char *text = NULL;
        const wn_status status = wn_report_text(done_folder(), (wn_report_format)format, NULL, &text);
        wn_text_free(text);
        if (status != WN_OK) return status;
    }
    return WN_OK;
}

static wn_status report_write(const char *out)
{
    (void)out;
    return wn_report_write(done_folder(), NULL, NULL);
}

static wn_status report_merge(const char *out)
{
    const char *folders[] = {done_folder()};
    return wn_report_merge(folders, 1, out);
}

static wn_status interpolate(const char *out)
{
    wn_lab_result r = {0};
    const wn_lab_options lab = lab_options(out);
    const wn_status status = wn_lab_interpolate(&WN_OPTIONS(wn_lab_interpolate_options, .lab = &lab, .points = 8, .batches = 1), &r);
    wn_lab_result_release(&r);
    return status;
}

static wn_status compare(const char *out)
{
    wn_lab_result r = {0};
    const wn_lab_options lab = lab_options(out);
    const wn_status status = wn_lab_compare(&WN_OPTIONS(wn_lab_compare_options, .lab = &lab), &r);
    wn_lab_result_release(&r);
    return status;
}

static wn_status flow(const char *out)
{
    wn_lab_result r = {0};
    wn_lab_options lab = lab_options(out);
    lab.count = 1;
    const wn_status status = wn_lab_flow(&WN_OPTIONS(wn_lab_flow_options, .lab = &lab, .steps = "0,4", .images = 8), &r);
    wn_lab_result_release(&r);
    return status;
}

static wn_status path(const char *out)
{
    wn_lab_result r = {0};
    const wn_lab_options lab = lab_options(out);
    const wn_status status = wn_lab_path(&WN_OPTIONS(wn_lab_path_options, .lab = &lab, .epochs = 1, .points = 3, .batches = 1), &r);
    wn_lab_result_release(&r);
    return status;
}

static wn_status shrink(const char *out)
{
    wn_shrink_result r = {0};
    const wn_lab_options lab = lab_options(NULL);
    const wn_status status = wn_shrink(&WN_OPTIONS(wn_shrink_options, .networks = &lab, .hold = "1%", .by = "nothing", .result = out), &r);
    wn_shrink_result_release(&r);
    return status;
}

static wn_status sweep(const char *out)
{
    static const char *const set[] = {"sweep.method=dense", "sweep.trials=2", "sweep.space={train.lr.cosine.base: [0.01, 0.1]}"};
    char *text = NULL;
    wn_run_options run = run_options(out);
    run.set = set;
    run.sets = 3;
    const wn_status status = wn_sweep_run(&WN_OPTIONS(wn_sweep_options, .run = &run), WN_SWEEP_JSON, &text, NULL);
    wn_text_free(text);
    return status;
}

static wn_status stop_token(const char *out)
{
    wn_stop *stop = wn_stop_new();
    (void)out;
    wn_stop_free(stop);
    return stop ? WN_OK : WN_ENOMEM;
}

/* ---- one allocation after the other */

typedef struct call {
    const char *name;
    wn_status (*make)(const char *out);
    int step; /* of long calls: about every step-th allocation fails, closer at the beginning */
} call;

static const call calls[] = {
    {"wn_recipe_resolve", recipe_resolve, 8},
    {"wn_experiment_plan", experiment_plan, 16},
    {"wn_experiment_run", experiment_run, 64},
    {"wn_experiment_run of what is done", experiment_again, 16},
    {"wn_experiment_time", experiment_time, 64},
    {"wn_store_status", store_status, 1},
    {"wn_stage_run", stage_run, 16},
    {"wn_store_diff", store_diff, 8},
    {"wn_store_gc", store_gc, 1},
    {"wn_train", train, 32},
    {"wn_eval", eval, 16},
    {"wn_prune", prune, 8},
    {"wn_inspect", inspect, 1},
    {"wn_list_get, wn_list_setting", list_all, 1},
    {"wn_flops", count_flops, 4},
    {"wn_graph", graph, 1},
    {"wn_bench_step", bench_step, 16},
    {"wn_bench_plan", bench_plan, 8},
    {"wn_data_list", data_list, 1},
    {"wn_report_text", report_text, 32},
    {"wn_report_write", report_write, 64},
    {"wn_report_merge", report_merge, 16},
    {"wn_lab_interpolate", interpolate, 32},
    {"wn_lab_compare", compare, 32},
    {"wn_lab_flow", flow, 64},
    {"wn_lab_path", path, 64},
    {"wn_shrink", shrink, 32},
    {"wn_sweep_run", sweep, 128},
    {"wn_stop_new", stop_token, 1},
};

static int open_files(void)
{
    char **names;
    int count;
    CHECK_OK(wn__list_folder("/proc/self/fd", &names, &count));
    wn__free_names(names, count);
    return count;
}

/* Files are replaced as a whole, so that no temporary one stays. */
static void check_no_leftovers(const char *folder, const char *who)
{
    char **names;
    int count;
    if (!wn__folder_exists(folder)) return;
    CHECK_OK(wn__list_folder(folder, &names, &count));
    for (int i = 0; i < count; i++) {
        char *path_of = wn__path_join(folder, names[i]);
        if (strstr(names[i], ".tmp")) WN_TEST_FAIL("%s left %s", who, path_of);
        check_no_leftovers(path_of, who);
        wn__free(path_of);
    }
    wn__free_names(names, count);
}

/* The call with its n-th allocation failing; false once it makes fewer. */
static bool fail_at(const call *c, int64_t n)
{
    const char *out = scratch_path("out");
    CHECK_OK(wn__remove_tree(out));
    const int files = open_files();
    const int64_t held = wn__alloc_statistics().bytes, before = wn__alloc_statistics().calls;
    wn__alloc_fail_at(n);
    const wn_status status = c->make(out);
    wn__alloc_fail_at(0);
    const int64_t made = wn__alloc_statistics().calls - before;
    if (made < n) {
        if (status != WN_OK) WN_TEST_FAIL("%s without a failure: WN_%s: %s", c->name, wn_status_name(status), wn_error_message());
        return false;
    }
    if (status != WN_OK && status != WN_ENOMEM)
        WN_TEST_FAIL("%s, allocation %lld: WN_%s: %s", c->name, (long long)n, wn_status_name(status), wn_error_message());
    if (wn__alloc_statistics().bytes != held)
        WN_TEST_FAIL("%s, allocation %lld: %lld bytes are left", c->name, (long long)n, (long long)(wn__alloc_statistics().bytes - held));
    if (open_files() != files) WN_TEST_FAIL("%s, allocation %lld: %d files are left open", c->name, (long long)n, open_files() - files);
    check_no_leftovers(out, c->name);
    return true;
}

TEST(a_failed_allocation_is_a_status_and_leaves_nothing)
{
    make_done();
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        int64_t tried = 0, n = 1;
        for (; fail_at(&calls[i], n); n += n < 4 * calls[i].step ? 1 + calls[i].step / 4 : calls[i].step + n / 6 * (calls[i].step > 1))
            tried++;
        printf("  %s: %lld of about %lld\n", calls[i].name, (long long)tried, (long long)n);
        fflush(stdout);
    }
    CHECK_OK(experiment_again(NULL));
}

/* ---- many calls */

TEST(ten_thousand_calls_leave_nothing)
{
    static wn_status (*const cheap[])(const char *) = {graph, list_all, inspect, data_list, stop_token};
    make_done();
    const char *out = scratch_path("nothing");
    size_t before = 0;
    int files = 0;
    for (int i = 0; i < 10000; i++) {
        if (i == 500) { /* what the C library keeps for itself is there */
            before = mallinfo2().uordblks;
            files = open_files();
        }
        CHECK_OK(cheap[i % 5](out));
        if (i % 100 == 0) CHECK_OK(recipe_resolve(out));
        if (i % 100 == 50) CHECK_OK(report_text(out));
        if (i % 100 == 75) CHECK_OK(eval(out));
    }
    CHECK_EQ_INT(open_files(), files);
    CHECK(mallinfo2().uordblks < before + 65536);
}

/* ---- options that ask for nothing */

/* No recipe, no file, no network: a status, whatever it is. */
TEST(nothing_is_released_and_stopped)
{
    wn_evaluation_release(NULL);
    wn_flops_release(NULL);
    wn_lab_result_release(NULL);
    wn_shrink_result_release(NULL);
    wn_network_close(NULL);
    wn_graph_free(NULL);
    wn_text_free(NULL);
    wn_stop_request(NULL);
    wn_stop_free(NULL);
}

TEST(all_defaults_are_answered_by_a_status)
{
    wn_flops_result flops = {0};
    wn_bench_result bench;
    wn_bench_updates updates;
    wn_bench_memory memory;
    wn_evaluation evaluation = {0};
    wn_prune_summary pruned;
    wn_lab_result lab = {0};
    wn_shrink_result shrunk = {0};
    CHECK(wn_flops(NULL, &flops) != WN_OK);
    CHECK(wn_bench_step(NULL, &bench) != WN_OK);
    CHECK(wn_bench_topology(NULL, &updates) != WN_OK);
    CHECK(wn_bench_plan(NULL, &memory) != WN_OK);
    CHECK(wn_bench_kernels(NULL, NULL, NULL, &bench) != WN_OK);
    CHECK(wn_eval(NULL, &evaluation) != WN_OK);
    CHECK(wn_prune(NULL, &pruned) != WN_OK);
    CHECK(wn_lab_interpolate(NULL, &lab) != WN_OK);
    CHECK(wn_lab_compare(NULL, &lab) != WN_OK);
    CHECK(wn_lab_flow(NULL, &lab) != WN_OK);
    CHECK(wn_lab_hessian(NULL, &lab) != WN_OK);
    CHECK(wn_lab_connect(NULL, &lab) != WN_OK);
    CHECK(wn_lab_path(NULL, &lab) != WN_OK);
    CHECK(wn_lab_bootstrap(NULL, &lab) != WN_OK);
    CHECK(wn_lab_study(NULL, &lab) != WN_OK);
    CHECK(wn_shrink(NULL, &shrunk) != WN_OK);
    CHECK(wn_sweep_run(NULL, WN_SWEEP_TEXT, NULL, NULL) != WN_OK);
    CHECK_EQ_INT(wn_list_count((wn_list)-1), 0);
    CHECK_EQ_INT(wn_list_count((wn_list)1000), 0);
}

TEST(enumerators_that_there_are_not_are_refused)
{
    wn_list_entry entry;
    wn_setting_info info;
    char *text;
    make_done();
    const wn_run_options run = run_options(scratch_path("never"));
    CHECK_STATUS(wn_list_get((wn_list)77, 0, &entry), WN_EINVAL);
    CHECK_STATUS(wn_list_setting((wn_list)77, 0, 0, &info), WN_EINVAL);
    CHECK_STATUS(wn_report_text(done_folder(), (wn_report_format)77, NULL, &text), WN_EINVAL);
    CHECK_STATUS(wn_sweep_run(&WN_OPTIONS(wn_sweep_options, .run = &run), (wn_sweep_format)77, &text, NULL), WN_EINVAL);
    CHECK(!wn__folder_exists(scratch_path("never")));
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(nothing_is_released_and_stopped),
                                    RUN(all_defaults_are_answered_by_a_status),
                                    RUN(enumerators_that_there_are_not_are_refused),
                                    RUN(a_failed_allocation_is_a_status_and_leaves_nothing),
                                    RUN(ten_thousand_calls_leave_nothing),
                                    {0}};
    if (access("/dev/shm", W_OK) == 0) strcpy(scratch_folder, "/dev/shm/wn-test-XXXXXX"); /* thousands of files are synced */
    return scratch_test_main(argc, argv, tests);
}
