/* NULL in every pointer of every public function: refused by name, or taken where its header says so. The headers tell which functions there are. */
#include "base/alloc.h"
#include "scratch_folder.h"
#include "winnow/bench.h"
#include "winnow/data.h"
#include "winnow/doctor.h"
#include "winnow/flops.h"
#include "winnow/lab.h"
#include "winnow/network.h"
#include "winnow/report.h"
#include "winnow/show.h"
#include "winnow/shrink.h"
#include "winnow/source.h"
#include "winnow/sweep.h"

enum { MOST = 200, NAME = 64 };

static char walked[MOST][NAME];
static int walks;

/* "wn_graph_add(" of the text of a call. */
static void note(const char *call)
{
    const char *name = strstr(call, "wn_");
    CHECK(name && walks < MOST);
    snprintf(walked[walks++], NAME, "%.*s", (int)strcspn(name, "("), name);
}

static bool was_walked(const char *name)
{
    for (int i = 0; i < walks; i++)
        if (strcmp(walked[i], name) == 0) return true;
    return false;
}

static void refused(const char *call, const char *argument, wn_status status)
{
    char want[200];
    note(call);
    snprintf(want, sizeof want, "%s: %s is NULL", walked[walks - 1], argument);
    if (status == WN_EINVAL && strcmp(wn_error_message(), want) == 0) return;
    WN_TEST_FAIL("%s: WN_%s, \"%s\", not \"%s\"", call, wn_status_name(status), wn_error_message(), want);
}

static void accepted(const char *call, bool good)
{
    note(call);
    if (!good) WN_TEST_FAIL("%s: %s", call, wn_error_message());
}

#define REFUSED(argument, call) refused(#call, argument, call)
#define ACCEPTED(call) accepted(#call, (call) == WN_OK)
#define GIVES(value, call) accepted(#call, (call) == (value))
#define FAILS(call) accepted(#call, (call) != WN_OK) /* by default there is nothing to work on */
#define DOES_NOTHING(call) ((call), note(#call))
#define HAS_NO_POINTER(name) note(#name)

static void walk_core(void)
{
    DOES_NOTHING(wn_log_set_sink(NULL, NULL));
    DOES_NOTHING(wn_stop_request(NULL));
    DOES_NOTHING(wn_stop_free(NULL));
    note("wn_set_allocator"); /* NULL is the default; refused while a test holds memory: test_manners */
    HAS_NO_POINTER(wn_status_name);
    HAS_NO_POINTER(wn_status_text);
    HAS_NO_POINTER(wn_error_message);
    HAS_NO_POINTER(wn_version);
    HAS_NO_POINTER(wn_version_number);
    HAS_NO_POINTER(wn_cpu_count);
    HAS_NO_POINTER(wn_request_stop);
    HAS_NO_POINTER(wn_stop_requested);
    HAS_NO_POINTER(wn_stop_new);
    HAS_NO_POINTER(wn_check_environment);
    ACCEPTED(wn_doctor(NULL, NULL));
    GIVES(NULL, wn_show_count(1, NULL, 9));
    GIVES(NULL, wn_show_bytes(1, NULL, 9));
    GIVES(NULL, wn_show_seconds(1, NULL, 9));
    GIVES(NULL, wn_nearest_name(NULL, (const char *const[]){"a"}, 1));
    GIVES(NULL, wn_nearest_name("a", NULL, 1));
}

static void walk_graph(void)
{
    wn_graph *none = NULL, *unnamed;
    GIVES(-1, wn_graph_input(none));
    GIVES(-1, wn_graph_conv(none, 0, NULL, (wn_conv){.out = 1, .kernel = 1}));
    GIVES(-1, wn_graph_linear(none, 0, NULL, 1, true));
    GIVES(-1, wn_graph_batch_norm(none, 0, NULL));
    GIVES(-1, wn_graph_relu(none, 0));
    GIVES(-1, wn_graph_clipped_relu(none, 0, 6));
    GIVES(-1, wn_graph_add(none, 0, 0));
    GIVES(-1, wn_graph_max_pool(none, 0, 1, 1, 0));
    GIVES(-1, wn_graph_avg_pool(none, 0, 1, 1, 0));
    GIVES(-1, wn_graph_global_pool(none, 0));
    GIVES(-1, wn_graph_dropout(none, 0, 0.5));
    GIVES(-1, wn_graph_share(none, 0, 0));
    GIVES(WN_ENOMEM, wn_graph_finish(none, 0));
    GIVES(0, wn_graph_name(none)[0]);
    GIVES(0, wn_graph_parameter_count(none));
    GIVES(0, wn_graph_forward_flops(none));
    GIVES(true, (unnamed = wn_graph_new(NULL, 1, 1, 1)) != NULL);
    wn_graph_free(unnamed);
    DOES_NOTHING(wn_graph_free(NULL));
}

static void walk_data(void)
{
    const char *key;
    const wn_source nameless = {.size = sizeof nameless};
    HAS_NO_POINTER(wn_dataset_count);
    REFUSED("info", wn_dataset_get_info(0, NULL));
    REFUSED("out", wn_dataset_get_setting(0, 0, NULL));
    REFUSED("buffer", wn_data_folder(NULL, NULL, 9));
    ACCEPTED(wn_data_list(NULL, scratch_folder, NULL, NULL));
    FAILS(wn_data_verify(NULL, scratch_folder, NULL, NULL)); /* nothing is there */
    REFUSED("name", wn_data_get(NULL, NULL, NULL, NULL, NULL));
    REFUSED("path", wn_data_recognise(NULL, &key, &key));
    REFUSED("set", wn_data_recognise("x", NULL, &key));
    REFUSED("key", wn_data_recognise("x", &key, NULL));
    REFUSED("path", wn_data_look(NULL, NULL, 0, &(wn_data_summary){0}, NULL, NULL));
    REFUSED("path", wn_data_pictures(NULL, NULL, NULL));
    REFUSED("summary", wn_data_look("x", NULL, 0, NULL, NULL, NULL));
    REFUSED("path", wn_data_check(NULL, NULL, 0, NULL, NULL));
    REFUSED("source", wn_source_register(NULL));
    FAILS(wn_source_register(&nameless));
    REFUSED("name", wn_source_unregister(NULL));
}

static void walk_runs(void)
{
    wn_evaluation evaluation;
    const wn_prune_options no_result = {.size = sizeof no_result, .weights = "x"};
    FAILS(wn_experiment_run(NULL, NULL));
    FAILS(wn_experiment_plan(NULL, false, NULL, NULL, NULL));
    REFUSED("yaml", wn_recipe_resolve(NULL, NULL));
    DOES_NOTHING(wn_text_free(NULL));
    REFUSED("experiment_folder", wn_stage_run(NULL, "1", NULL));
    REFUSED("identity", wn_stage_run("x", NULL, NULL));
    REFUSED("folder", wn_experiment_time(NULL, NULL, NULL, NULL));
    ACCEPTED(wn_store_status(scratch_folder, NULL, NULL, NULL));
    REFUSED("experiment", wn_store_experiment(NULL, NULL, NULL, 0));
    REFUSED("name", wn_store_weights(NULL, NULL, NULL, NULL, 0));
    REFUSED("left", wn_store_diff(NULL, NULL, "b", NULL, NULL));
    REFUSED("right", wn_store_diff(NULL, "a", NULL, NULL, NULL));
    ACCEPTED(wn_store_gc(scratch_folder, true, NULL, NULL, NULL));
    REFUSED("folder", wn_train(NULL, 0, NULL, NULL));
    REFUSED("options->weights", wn_eval(NULL, &evaluation));
    REFUSED("evaluation", wn_eval(&WN_OPTIONS(wn_eval_options, .weights = "x"), NULL));
    DOES_NOTHING(wn_evaluation_release(NULL));
    REFUSED("options->weights", wn_prune(NULL, NULL));
    REFUSED("options->result", wn_prune(&no_result, NULL));
    REFUSED("path", wn_inspect(NULL, NULL, NULL, NULL, NULL));
    REFUSED("path", wn_inspect_named(NULL, NULL, NULL, NULL, NULL, NULL));
    HAS_NO_POINTER(wn_list_count);
    REFUSED("entry", wn_list_get(WN_LIST_METHODS, 0, NULL));
    REFUSED("info", wn_list_setting(WN_LIST_METHODS, 0, 0, NULL));
}

static void walk_measurements(void)
{
    wn_flops_result flops;
    const wn_flops_options no_set = {.size = sizeof no_set, .model = "lenet5", .sets = 1},
                           no_method = {.size = sizeof no_method, .model = "lenet5", .methods = 1},
                           no_layer = {.size = sizeof no_layer, .model = "lenet5", .layers = 1},
                           no_select = {.size = sizeof no_select, .model = "lenet5", .selects = 1};
    REFUSED("result", wn_flops(NULL, NULL));
    REFUSED("options->set", wn_flops(&no_set, &flops));
    REFUSED("options->method", wn_flops(&no_method, &flops));
    REFUSED("options->layer", wn_flops(&no_layer, &flops));
    REFUSED("options->select", wn_flops(&no_select, &flops));
    FAILS(wn_flops(NULL, &flops));
    DOES_NOTHING(wn_flops_release(NULL));
    REFUSED("result", wn_bench_step(NULL, NULL));
    REFUSED("updates", wn_bench_topology(NULL, NULL));
    REFUSED("memory", wn_bench_plan(NULL, NULL));
    REFUSED("result", wn_bench_kernels(NULL, NULL, NULL, NULL));
    FAILS(wn_bench_step(NULL, &(wn_bench_result){0}));
    FAILS(wn_bench_step(&WN_OPTIONS(wn_bench_options, .model = "lenet5", .sets = 1), &(wn_bench_result){0}));
}

static void walk_lab(void)
{
    wn_lab_result result = {0};
    wn_shrink_result shrunk = {0};
    REFUSED("result", wn_lab_interpolate(NULL, NULL));
    REFUSED("result", wn_lab_compare(NULL, NULL));
    REFUSED("result", wn_lab_flow(NULL, NULL));
    REFUSED("result", wn_lab_hessian(NULL, NULL));
    REFUSED("result", wn_lab_connect(NULL, NULL));
    REFUSED("result", wn_lab_path(NULL, NULL));
    REFUSED("result", wn_lab_bootstrap(NULL, NULL));
    REFUSED("result", wn_lab_study(NULL, NULL));
    REFUSED("result", wn_shrink(NULL, NULL));
    const wn_lab_options no_names = {.size = sizeof no_names, .count = 2};
    GIVES(WN_EINVAL, wn_lab_compare(&WN_OPTIONS(wn_lab_compare_options, .lab = &no_names), &result));
    CHECK_HAS_TEXT(wn_error_message(), "networks is NULL");
    GIVES(WN_EINVAL, wn_shrink(&WN_OPTIONS(wn_shrink_options, .networks = &no_names, .hold = "1%"), &shrunk));
    FAILS(wn_lab_compare(NULL, &result));
    DOES_NOTHING(wn_lab_result_release(NULL));
    DOES_NOTHING(wn_shrink_result_release(NULL));
}

static void walk_reports_and_sweeps(void)
{
    const char *const folders[] = {"x", NULL};
    char *text;
    REFUSED("folder", wn_report_text(NULL, WN_REPORT_TEXT, NULL, &text));
    REFUSED("text", wn_report_text("x", WN_REPORT_TEXT, NULL, NULL));
    REFUSED("folder", wn_report_write(NULL, NULL, NULL));
    REFUSED("folders", wn_report_merge(NULL, 1, "x"));
    REFUSED("folders[1]", wn_report_merge(folders, 2, "x"));
    REFUSED("out", wn_report_merge(folders, 1, NULL));
    FAILS(wn_sweep_run(NULL, WN_SWEEP_TEXT, NULL, NULL));
    REFUSED("out", wn_sweep_ask_tell(NULL, 0, NULL));
    REFUSED("job", wn_sweep_worker(NULL));
}

static void walk_network(wn_network *net)
{
    wn_network *other;
    wn_network_info info = {.size = sizeof info};
    wn_network_tensor tensor = {.size = sizeof tensor};
    float x[16] = {0}, y[2];
    double loss;
    int index;
    const int32_t classes[1] = {0};
    const wn_targets targets = {.kind = WN_TARGET_CLASS, .width = 1, .classes = classes}, empty = {.kind = WN_TARGET_CLASS, .width = 1},
                     no_values = {.kind = WN_TARGET_VALUES, .width = 2};
    REFUSED("path", wn_network_open(NULL, NULL, &other));
    REFUSED("out", wn_network_open("x", NULL, NULL));
    REFUSED("bytes", wn_network_open_memory(NULL, 1, NULL, &other));
    REFUSED("out", wn_network_open_memory("x", 1, NULL, NULL));
    REFUSED("graph", wn_network_from_graph(NULL, NULL, &other));
    REFUSED("recipe", wn_network_from_recipe(NULL, NULL, &other));
    REFUSED("out", wn_network_from_recipe("{}", NULL, NULL));
    REFUSED("net", wn_network_load(NULL, "x"));
    REFUSED("path", wn_network_load(net, NULL));
    REFUSED("net", wn_network_clone(NULL, NULL, &other));
    REFUSED("out", wn_network_clone(net, NULL, NULL));
    DOES_NOTHING(wn_network_close(NULL));
    REFUSED("net", wn_network_look(NULL, &info));
    REFUSED("info", wn_network_look(net, NULL));
    REFUSED("net", wn_network_find(NULL, "fc.weight", &index));
    REFUSED("name", wn_network_find(net, NULL, &index));
    REFUSED("index", wn_network_find(net, "fc.weight", NULL));
    REFUSED("net", wn_network_tensor_at(NULL, 0, &tensor));
    REFUSED("tensor", wn_network_tensor_at(net, 0, NULL));
    REFUSED("net", wn_network_read(NULL, 0, x, 8));
    REFUSED("values", wn_network_read(net, 0, NULL, 8));
    REFUSED("net", wn_network_write(NULL, 0, x, 8));
    REFUSED("values", wn_network_write(net, 0, NULL, 8));
    REFUSED("net", wn_network_read_gradient(NULL, 0, x, 8));
    REFUSED("values", wn_network_read_gradient(net, 0, NULL, 8));
    REFUSED("net", wn_network_read_mask(NULL, 0, (uint8_t *)x, 8));
    REFUSED("mask", wn_network_read_mask(net, 0, NULL, 8));
    REFUSED("net", wn_network_write_mask(NULL, 0, NULL, 8));
    ACCEPTED(wn_network_write_mask(net, 0, NULL, 8)); /* none */
    REFUSED("net", wn_network_normalize(NULL, (const uint8_t *)x, 1, y));
    REFUSED("pixels", wn_network_normalize(net, NULL, 1, x));
    REFUSED("x", wn_network_normalize(net, (const uint8_t *)x, 1, NULL));
    REFUSED("net", wn_network_read_image(NULL, "x", x));
    REFUSED("path", wn_network_read_image(net, NULL, x));
    REFUSED("x", wn_network_read_image(net, "x", NULL));
    REFUSED("net", wn_network_decode_image(NULL, "x", x, 1, x));
    REFUSED("label", wn_network_decode_image(net, NULL, x, 1, x));
    REFUSED("bytes", wn_network_decode_image(net, "x", NULL, 1, x));
    REFUSED("x", wn_network_decode_image(net, "x", x, 1, NULL));
    REFUSED("net", wn_network_predict(NULL, x, 1, y));
    REFUSED("x", wn_network_predict(net, NULL, 1, y));
    REFUSED("y", wn_network_predict(net, x, 1, NULL));
    REFUSED("net", wn_network_kernels(NULL, 1, NULL, NULL));
    ACCEPTED(wn_network_kernels(net, 1, NULL, NULL));
    REFUSED("net", wn_network_set_training(NULL, "{}"));
    ACCEPTED(wn_network_set_training(net, NULL));
    REFUSED("net", wn_network_loss_gradients(NULL, x, &targets, 1, &loss));
    REFUSED("x", wn_network_loss_gradients(net, NULL, &targets, 1, &loss));
    REFUSED("targets", wn_network_loss_gradients(net, x, NULL, 1, &loss));
    REFUSED("targets->classes", wn_network_loss_gradients(net, x, &empty, 1, &loss));
    REFUSED("targets->values", wn_network_loss_gradients(net, x, &no_values, 1, &loss));
    ACCEPTED(wn_network_loss_gradients(net, x, &targets, 1, NULL));
    REFUSED("net", wn_network_step(NULL, 0.1));
    REFUSED("net", wn_network_loss(NULL, x, &targets, 1, &loss));
    REFUSED("x", wn_network_loss(net, NULL, &targets, 1, &loss));
    REFUSED("targets", wn_network_loss(net, x, NULL, 1, &loss));
    REFUSED("loss", wn_network_loss(net, x, &targets, 1, NULL));
    REFUSED("net", wn_network_prune(NULL, NULL));
    FAILS(wn_network_prune(net, NULL)); /* which sparsity? */
    REFUSED("net", wn_network_export(NULL, "x", NULL));
    REFUSED("path", wn_network_export(net, NULL, NULL));
    REFUSED("options->format", wn_network_export(net, "x", NULL));
    const char *text;
    REFUSED("name", wn_list_formats(0, NULL, &text));
    REFUSED("summary", wn_list_formats(0, &text, NULL));
    REFUSED("net", wn_network_save(NULL, "x", NULL));
    REFUSED("path", wn_network_save(net, NULL, NULL));
}

static wn_network *tiny(void)
{
    wn_network *net = NULL;
    wn_graph *g = wn_graph_new("tiny", 1, 2, 2);
    CHECK_OK(wn_graph_finish(g, wn_graph_linear(g, wn_graph_input(g), "fc", 2, false)));
    REFUSED("out", wn_network_from_graph(g, NULL, NULL));
    CHECK_OK(wn_network_from_graph(g, NULL, &net));
    return net;
}

/* Every name behind WN_API in one header. */
static int check_header(const char *path)
{
    char *text;
    size_t size;
    int found = 0;
    CHECK_OK(wn__file_read(path, &text, &size));
    for (const char *at = text; (at = strstr(at, "\nWN_API ")) != NULL;) {
        char name[NAME];
        at += 8;
        const char *end = at + strcspn(at, "("), *start = end;
        while (start > at && (start[-1] == '_' || (start[-1] >= '0' && start[-1] <= '9') || (start[-1] >= 'a' && start[-1] <= 'z')))
            start--;
        snprintf(name, sizeof name, "%.*s", (int)(end - start), start);
        if (!was_walked(name)) WN_TEST_FAIL("%s of %s is not called with NULL here", name, path);
        found++;
    }
    wn__free(text);
    return found;
}

static void check_headers(void)
{
    static const char folder[] = WN_TEST_SOURCE "/../include/winnow";
    char **names, path[600];
    int count, found = 0;
    CHECK_OK(wn__list_folder(folder, &names, &count));
    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        found += check_header(path);
    }
    wn__free_names(names, count);
    CHECK(found > 100);
}

TEST(null_is_refused_by_name_in_every_public_function)
{
    wn_network *net = tiny();
    walk_core();
    walk_graph();
    walk_data();
    walk_runs();
    walk_measurements();
    walk_lab();
    walk_reports_and_sweeps();
    walk_network(net);
    wn_network_close(net);
    check_headers();
}

TEST(counts_below_zero_are_refused)
{
    wn_evaluation evaluation;
    wn_flops_result flops;
    wn_lab_result lab;
    const wn_lab_options backwards = {.size = sizeof backwards, .threads = -1};
    CHECK_STATUS(wn_eval(&WN_OPTIONS(wn_eval_options, .weights = "x", .threads = -1), &evaluation), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "options->threads is -1");
    CHECK_STATUS(wn_eval(&WN_OPTIONS(wn_eval_options, .weights = "x", .sets = -1), &evaluation), WN_EINVAL);
    CHECK_STATUS(wn_prune(&WN_OPTIONS(wn_prune_options, .weights = "x", .result = "y", .threads = -1), NULL), WN_EINVAL);
    CHECK_STATUS(wn_prune(&WN_OPTIONS(wn_prune_options, .weights = "x", .result = "y", .sets = -1), NULL), WN_EINVAL);
    CHECK_STATUS(wn_train(&WN_OPTIONS(wn_run_options, .threads = -1), 0, "x", NULL), WN_EINVAL);
    CHECK_STATUS(wn_train(&WN_OPTIONS(wn_run_options, .sets = -1), 0, "x", NULL), WN_EINVAL);
    CHECK_STATUS(wn_experiment_run(&WN_OPTIONS(wn_run_options, .redos = -1), NULL), WN_EINVAL);
    CHECK_STATUS(wn_flops(&WN_OPTIONS(wn_flops_options, .model = "lenet5", .sets = -1), &flops), WN_EINVAL);
    CHECK_STATUS(wn_lab_compare(&WN_OPTIONS(wn_lab_compare_options, .lab = &backwards), &lab), WN_EINVAL);
    CHECK_STATUS(wn_bench_step(&WN_OPTIONS(wn_bench_options, .model = "lenet5", .threads = -1), &(wn_bench_result){0}), WN_EINVAL);
    CHECK_STATUS(wn_bench_step(&WN_OPTIONS(wn_bench_options, .model = "lenet5", .sets = -1), &(wn_bench_result){0}), WN_EINVAL);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(null_is_refused_by_name_in_every_public_function), RUN(counts_below_zero_are_refused), {0}};
    return scratch_test_main(argc, argv, tests);
}
