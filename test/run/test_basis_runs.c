/* Tickets in other bases as whole experiments: the axis meets every other one, resumed and threaded runs give the same bytes, files are for others. */
#include <sys/wait.h>
#include <unistd.h>

#include "io/json_file.h"
#include "io/safetensors.h"
#include "scratch_folder.h"
#include "sparse/basis/basis.h"
#include "winnow/experiment.h"
#include "winnow/lab.h"
#include "winnow/shrink.h"

static const char *const network = "name: tiny\n"
                                   "nodes:\n"
                                   "  - conv: {name: conv1, out: 4, kernel: 3, stride: 2, pad: 1}\n"
                                   "  - batch_norm: {name: bn1}\n"
                                   "  - relu\n"
                                   "  - conv: {name: conv2, out: 8, kernel: 3, stride: 2, pad: 1}\n"
                                   "  - relu\n"
                                   "  - global_pool\n"
                                   "  - linear: {name: hidden, out: 16}\n"
                                   "  - relu\n"
                                   "  - linear: {name: fc, out: classes}\n";

static const char *const recipe = "data: {set: shapes, train: 160, test: 40, validation: last-32}\n"
                                  "model: {arch: %s}\n"
                                  "train: {epochs: 2, batch: 32, optimizer: {sgd: {momentum: 0.9}}, lr: 0.05}\n"
                                  "backend: %s\n"
                                  "threads: %d\n"
                                  "mask: {layers: all-but-last}\n"
                                  "compare: {methods: [%s], sparsity: %s, seeds: 0}\n"
                                  "methods:\n"
                                  "  weight-rewind: {rewind: 3it}\n"
                                  "%s\n";

typedef struct plan {
    const char *store, *backend, *methods, *rows, *sparsity;
    int threads;
    int64_t stop_after; /* 0: never */
} plan;

static void stop(void *user, const wn_progress *p)
{
    if (p->step == *(const int64_t *)user) wn_request_stop();
}

static wn_status run(const plan *p, wn_run_summary *summary)
{
    char text[4096], net[512], path[512];
    snprintf(net, sizeof net, "%s", scratch_path("net.yaml"));
    snprintf(path, sizeof path, "%s", scratch_path("bases.yaml"));
    CHECK_OK(wn__file_write(net, network, strlen(network)));
    const int size = snprintf(text, sizeof text, recipe, net, p->backend ? p->backend : "ref", p->threads ? p->threads : 1, p->methods,
                              p->sparsity ? p->sparsity : "70%", p->rows);
    CHECK_OK(wn__file_write(path, text, (size_t)size));
    int64_t stop_after = p->stop_after;
    const wn_run_options options = {
        .size = sizeof options, .recipe = path, .out = scratch_path(p->store), .progress = stop_after ? stop : NULL, .user = &stop_after};
    return wn_experiment_run(&options, summary);
}

static json_t *row_of(const char *store, const char *method)
{
    char path[1024];
    json_t *json, *row;
    size_t index;
    snprintf(path, sizeof path, "%s/bases/results.json", scratch_path(store));
    CHECK_OK(wn__json_load(path, &json));
    json_array_foreach(json_object_get(json, "rows"), index, row)
    {
        if (!strcmp(json_string_value(json_object_get(row, "method")), method)) {
            json_t *copy = json_deep_copy(row);
            json_decref(json);
            return copy;
        }
    }
    WN_TEST_FAIL("no row %s", method);
}

/* final.safetensors of the method's retrained network. */
static wn__safetensors *final_of(const char *store, const char *method)
{
    char path[1024];
    wn__safetensors *file;
    json_t *row = row_of(store, method);
    const char *weights = json_string_value(json_object_get(row, "weights"));
    CHECK(weights != NULL);
    snprintf(path, sizeof path, "%s/bases/%s", scratch_path(store), weights);
    CHECK_OK(wn__safetensors_open(path, &file));
    json_decref(row);
    return file;
}

static void check_same_tensors(const char *left, const char *right, const char *method)
{
    wn__safetensors *a = final_of(left, method), *b = final_of(right, method);
    CHECK_EQ_INT(wn__safetensors_count(a), wn__safetensors_count(b));
    for (int i = 0; i < wn__safetensors_count(a); i++) {
        const wn__st_tensor *x = wn__safetensors_at(a, i), *y = wn__safetensors_find(b, x->name);
        CHECK(y && x->count == y->count);
        if (memcmp(x->data, y->data, (size_t)x->count * (size_t)wn__st_dtype_size(x->dtype)) != 0)
            WN_TEST_FAIL("%s: %s differs", method, x->name);
    }
    wn__safetensors_close(a);
    wn__safetensors_close(b);
}

static bool has_all_libraries(void)
{
    const char *name;
    return wn__basis_library(WN__BASIS_DCT, &name) == WN_OK && wn__basis_library(WN__BASIS_SVD, &name) == WN_OK;
}

static const char *const every_basis =
    "  dct: {like: lottery-ticket, mask: {basis: dct}}\n"
    "  haar: {like: weight-rewind, mask: {basis: {haar: {unfit: leave}}}}\n"
    "  random: {like: kd-ticket, mask: {basis: {random: {block: 32}}, rounds: 2}}\n"
    "  svd: {like: lr-rewind, mask: {basis: svd, rounds: 2}}\n"
    "  low-rank: {like: kd-weight-rewind, mask: {basis: low-rank}}\n"
    "  shuffled: {like: random-ticket, mask: {basis: svd}}\n"
    "  drawn: {like: static, mask: {basis: dct, distribution: uniform}}\n"
    "  early: {like: snip, mask: {score: {snip: {samples: 3}}, basis: dct}}\n"
    "  gradual: {like: gradual-pruning, mask: {basis: {haar: {unfit: leave}}, gradual: {begin: 2it, end: 6it, interval: 2it}}}\n"
    "  units: {like: kd-ticket, mask: {basis: units, rounds: 2}}\n"
    "  units-random: {like: random-ticket, mask: {basis: {units: {score: l1}}, scope: layer}}\n"
    "  thresholded: {like: iht, mask: {basis: dct}}\n"
    "  moving: {like: rigl, labels: soft, mask: {basis: dct, distribution: uniform}, topology: {interval: 2it}}\n"
    "  wandering: {like: set, mask: {basis: {haar: {unfit: leave}}}, topology: {interval: 2it}}\n"
    "  sharing: {like: snfs, mask: {basis: random}, topology: {interval: 2it}}\n"
    "  alternating: {like: ac-dc, mask: {basis: dct, alternating: {begin: 1it, sparse: 1it, dense: 1it}}}\n"
    "  flowing: {like: grasp, mask: {score: {grasp: {samples: 3}}, basis: dct}}\n"
    "  crossing: {like: deep-r, mask: {basis: dct}, topology: {l1: 0.1, noise: 0.01}}";
#define ALL                                                                                                      \
    "dct, haar, random, svd, low-rank, shuffled, drawn, early, gradual, units, units-random, thresholded, iht, " \
    "moving, wandering, sharing, crossing, alternating, flowing"

static const char *const methods[] = {"dct",       "haar",    "random",   "svd",          "low-rank",    "shuffled", "drawn",
                                      "early",     "gradual", "units",    "units-random", "thresholded", "iht",      "moving",
                                      "wandering", "sharing", "crossing", "alternating",  "flowing"};
enum { METHODS = sizeof methods / sizeof methods[0] };

static void run_all(const char *store)
{
    (void)store;
    wn_run_summary summary;
    CHECK_OK(run(&(plan){.store = "undisturbed", .methods = ALL, .rows = every_basis}, &summary));
}

/* All of them, on one thread and undisturbed. */
static const char *undisturbed(void)
{
    scratch_undisturbed(run_all);
    return "undisturbed";
}

TEST(every_basis_runs_with_other_masks_labels_and_rewinding)
{
    if (!has_all_libraries()) SKIP("no FFTW or LAPACK");
    for (int i = 0; i < METHODS; i++) {
        json_t *row = row_of(undisturbed(), methods[i]);
        const double all = json_number_value(json_object_get(row, "network")),
                     left = json_number_value(json_object_get(row, "network_nonzero"));
        CHECK(left < 0.75 * all);
        json_decref(row);
    }
}

TEST(the_number_of_threads_changes_no_bit)
{
    if (!has_all_libraries()) SKIP("no FFTW or LAPACK");
    wn_run_summary summary;
    const plan p = {.store = "three", .threads = 3, .methods = ALL, .rows = every_basis};
    CHECK_OK(run(&p, &summary));
    for (int i = 0; i < METHODS; i++)
        check_same_tensors(undisturbed(), "three", methods[i]);
}

TEST(stopped_and_continued_it_ends_in_the_same_bytes)
{
    if (!has_all_libraries()) SKIP("no FFTW or LAPACK");
    wn_run_summary summary;
    const char *whole = undisturbed();
    const plan rest = {.store = "parts", .methods = ALL, .rows = every_basis};
    const plan stopped = {.store = "parts", .methods = ALL, .rows = every_basis, .stop_after = 5};
    int stops = 0;
    for (;; stops++) { /* each training stage is stopped there, once */
        fflush(NULL);
        const pid_t child = fork();
        int code;
        if (child == 0) _exit(run(&stopped, &summary) == WN_OK ? 0 : 1);
        CHECK(waitpid(child, &code, 0) == child);
        if (stops == 40 || (WIFEXITED(code) && WEXITSTATUS(code) == 0)) break;
    }
    CHECK(stops > 9);
    CHECK_OK(run(&rest, &summary));
    for (int i = 0; i < METHODS; i++)
        check_same_tensors(whole, "parts", methods[i]);
}

TEST(the_canonical_basis_is_ordinary_pruning_and_shares_its_stages)
{
    wn_run_summary summary;
    const plan p = {
        .store = "plain", .methods = "lottery-ticket, named", .rows = "  named: {like: lottery-ticket, mask: {basis: canonical}}"};
    CHECK_OK(run(&p, &summary));
    CHECK_EQ_INT(summary.stages, 4); /* dense, mask, its evaluation, one ticket */
}

static double accuracy_of(const char *weights)
{
    const wn_eval_options options = {.size = sizeof options, .weights = weights, .threads = 1};
    wn_evaluation e = {0};
    CHECK_OK(wn_eval(&options, &e));
    const double accuracy = e.accuracy;
    wn_evaluation_release(&e);
    return accuracy;
}

TEST(smaller_networks_are_written_beside_and_are_as_good)
{
    if (!has_all_libraries()) SKIP("no FFTW or LAPACK");
    for (int i = 0; i < 4; i++) {
        static const char *const name[] = {"svd", "low-rank", "units", "dct"};
        char final[1024], shrunk[1024];
        json_t *row = row_of(undisturbed(), name[i]);
        snprintf(final, sizeof final, "%s/bases/%s", scratch_path(undisturbed()), json_string_value(json_object_get(row, "weights")));
        snprintf(shrunk, sizeof shrunk, "%.*sshrunk.safetensors", (int)(strlen(final) - strlen("final.safetensors")), final);
        CHECK_EQ_INT(wn__file_exists(shrunk), i < 3);
        if (i < 3) CHECK_NEAR(accuracy_of(shrunk), accuracy_of(final), 1e-9, 0);
        json_decref(row);
    }
}

static wn_status shrink(const char *store, const char *accuracy, const char *by, const char *size, wn_shrink_result *result)
{
    static const char *const names[] = {"dense seed 0", "low-rank 70% seed 0", "units 70% seed 0", "dct 70% seed 0"};
    const wn_shrink_options options = {
        .size = sizeof options,
        .networks = &WN_OPTIONS(wn_lab_options, .networks = names, .count = 4, .out = scratch_path(store), .threads = 1),
        .hold = accuracy,
        .by = by,
        .smallest = size,
        .result = scratch_path("folder/small")};
    return wn_shrink(&options, result);
}

TEST(shrinking_returns_the_smallest_that_holds)
{
    if (!has_all_libraries()) SKIP("no FFTW or LAPACK");
    wn_shrink_result r = {0};
    CHECK_OK(shrink(undisturbed(), "1%", NULL, NULL, &r));
    const wn_shrink_row *chosen = &r.row[r.chosen];
    CHECK_EQ_INT(r.images, 32);
    CHECK(r.rows > 20 && r.difference < 1e-5);
    for (int i = 0; i < r.rows; i++) {
        CHECK_EQ_INT(r.row[i].holds, r.row[i].value >= 0.01);
        if (r.row[i].holds) CHECK(chosen->bytes <= r.row[i].bytes);
    }
    const wn_eval_options options = {
        .size = sizeof options, .weights = scratch_path("folder/small.safetensors"), .part = "validation", .threads = 1};
    wn_evaluation e = {0};
    CHECK_OK(wn_eval(&options, &e));
    CHECK_NEAR(e.accuracy, chosen->value, 1e-9, 0);
    wn_evaluation_release(&e);
    wn_shrink_result_release(&r);
    CHECK_OK(shrink(undisturbed(), "0.01", "nothing", "flops", &r));
    CHECK_EQ_INT(r.rows, 4);
    for (int i = 0; i < 4; i++)
        CHECK(r.row[r.chosen].flops <= r.row[i].flops);
    wn_shrink_result_release(&r);
    CHECK_EQ_INT(shrink(undisturbed(), "99.9%", NULL, NULL, &r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "none of the networks holds accuracy 99.9 % on 32 validation images; the best, ");
    CHECK_EQ_INT(shrink(undisturbed(), "much", NULL, NULL, &r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "\"much\" is no accuracy");
    CHECK_EQ_INT(shrink(undisturbed(), "50%", "chance", NULL, &r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "valid: nothing, units, tied-units, low-rank");
}

TEST(files_hold_the_weights_that_the_coefficients_make)
{
    if (!has_all_libraries()) SKIP("no FFTW or LAPACK");
    wn__safetensors *file = final_of(undisturbed(), "dct");
    const int64_t dim[4] = {8, 4, 3, 3};
    float weight[288], coefficient[288], got[288];
    wn__params params = {0};
    wn__basis_spec spec;
    wn__transform *t;
    CHECK_EQ_TEXT(wn__safetensors_meta(file, "basis"), "dct over=taps");
    CHECK_OK(wn__safetensors_floats(file, "conv2.weight", 4, dim, weight));
    CHECK_OK(wn__safetensors_floats(file, "conv2.weight.coefficients", 4, dim, coefficient));
    const wn__st_tensor *mask = wn__safetensors_find(file, "conv2.weight.coefficients_mask");
    CHECK(mask && mask->count == 288 && !wn__safetensors_find(file, "conv2.weight_mask"));
    CHECK_OK(wn__params_add(&params, "w", WN__WEIGHT, 4, dim));
    CHECK_OK(wn__basis_defaults(WN__BASIS_DCT, &spec));
    CHECK_OK(wn__transform_new(&spec, &params.item[0], 0, 0, &t));
    wn__transform_synthesise(t, coefficient, got);
    int zeros = 0;
    for (int i = 0; i < 288; i++) {
        CHECK_NEAR(got[i], weight[i], 1e-6, 0);
        if (((const uint8_t *)mask->data)[i] == 0) CHECK(coefficient[i] == 0);
        zeros += coefficient[i] == 0;
    }
    CHECK(zeros > 100);
    wn__transform_free(t);
    wn__params_release(&params);
    wn__safetensors_close(file);
    file = final_of(undisturbed(), "svd");
    CHECK(wn__safetensors_find(file, "conv2.weight.left") && wn__safetensors_find(file, "conv2.weight.right"));
    wn__safetensors_close(file);
}

/* ---- the lab looks at them */

static wn_status analyse(wn_status (*one)(const wn_lab_options *o, wn_lab_result *r), const char *first, const char *second,
                         json_t **result)
{
    const char *networks[] = {first, second}, *set[] = {"backend=ref"};
    const wn_lab_options o = {.size = sizeof o,
                              .networks = networks,
                              .count = second ? 2 : 1,
                              .out = scratch_path(undisturbed()),
                              .set = set,
                              .sets = 1,
                              .threads = 1,
                              .folder = scratch_path("lab"),
                              .again = true};
    wn_lab_result answer = {0};
    json_t *json = NULL;
    const wn_status status = one(&o, &answer);
    wn_lab_result_release(&answer);
    if (status != WN_OK) return status;
    CHECK_OK(wn__json_load(scratch_path("lab/result.json"), &json));
    *result = json_deep_copy(json_object_get(json, "result"));
    json_decref(json);
    return WN_OK;
}

static wn_status flow(const wn_lab_options *o, wn_lab_result *r)
{
    return wn_lab_flow(&WN_OPTIONS(wn_lab_flow_options, .lab = o, .steps = "4,8", .images = 20), r);
}
static wn_status hessian(const wn_lab_options *o, wn_lab_result *r)
{
    return wn_lab_hessian(&WN_OPTIONS(wn_lab_hessian_options, .lab = o, .lanczos = true, .steps = 5, .probes = 1, .images = 20), r);
}
static wn_status rough_hessian(const wn_lab_options *o, wn_lab_result *r)
{
    const wn_lab_hessian_options options = {
        .size = sizeof options, .lab = o, .lanczos = true, .steps = 5, .probes = 1, .images = 20, .differences = true};
    return wn_lab_hessian(&options, r);
}
static wn_status compare(const wn_lab_options *o, wn_lab_result *r)
{
    return wn_lab_compare(&WN_OPTIONS(wn_lab_compare_options, .lab = o), r);
}
static wn_status line(const wn_lab_options *o, wn_lab_result *r)
{
    return wn_lab_interpolate(&WN_OPTIONS(wn_lab_interpolate_options, .lab = o, .points = 8, .batches = 1), r);
}
static wn_status twice(const wn_lab_options *o, wn_lab_result *r)
{
    return wn_lab_connect(&WN_OPTIONS(wn_lab_connect_options, .lab = o, .from = "0,4", .points = 3, .batches = 1), r);
}

static const json_t *first_of(const json_t *result, const char *list) { return json_array_get(json_object_get(result, list), 0); }

TEST(the_lab_looks_at_coefficients)
{
    if (!has_all_libraries()) SKIP("no FFTW or LAPACK");
    static const char *const names[] = {"dct 70% seed 0", "svd 70% seed 0", "low-rank 70% seed 0"};
    json_t *r = NULL;
    for (int i = 0; i < 3; i++) {
        char at[64], end[64];
        snprintf(at, sizeof at, "%s@4", names[i]);
        snprintf(end, sizeof end, "%s@8", names[i]);
        CHECK_OK(analyse(compare, names[i], end, &r)); /* the state at the end makes the final weights */
        CHECK_NEAR(wn__json_number(first_of(r, "pairs"), "l2"), 0, 0, 0);
        json_decref(r);
        CHECK_OK(analyse(line, at, names[i], &r));
        json_decref(r);
        CHECK_OK(analyse(flow, names[i], NULL, &r));
        const json_t *states = json_object_get(first_of(r, "networks"), "states"),
                     *last = json_array_get(states, json_array_size(states) - 1);
        const double active = wn__json_number(last, "gradient_active"), all = wn__json_number(last, "gradient_all");
        CHECK(active > 0 && (i == 2 ? active == all : active < all)); /* factors have no mask */
        CHECK_NEAR(wn__json_number(last, "decrease"), wn__json_number(last, "predicted"), 0, 0.3);
        CHECK(wn__json_number(last, "distance") > wn__json_number(json_array_get(states, 0), "distance"));
        json_decref(r);
        CHECK_OK(analyse(rough_hessian, at, NULL, &r));
        json_decref(r);
        if (i < 2) {
            CHECK_OK(analyse(hessian, at, NULL, &r));
            json_decref(r);
        }
    }
    CHECK_STATUS(analyse(hessian, names[2], NULL, &r), WN_EUNSUPPORTED);
    CHECK_HAS_TEXT(wn_error_message(),
                   "is trained as two factors, in which it is not linear: exact products are not there, --differences are");
    CHECK_OK(analyse(twice, names[0], NULL, &r));
    json_decref(r);
}

/* Blocks of one entry are rotated by a sign, so that as coefficients go and come those weights go and come that would without a basis. */
TEST(under_a_basis_of_signs_the_topology_moves_as_without_one)
{
    static const char *const pairs[][2] = {{"rigl", "rigl-signs"}, {"set", "set-signs"}, {"snfs", "snfs-signs"}, {"mest", "mest-signs"}};
    const plan p = {.store = "signs",
                    .methods = "rigl, rigl-signs, set, set-signs, snfs, snfs-signs, mest, mest-signs",
                    .rows = "  rigl: {topology: {interval: 2it, update: after, gradient: batches, batches: 2}}\n"
                            "  set: {topology: {interval: 2it}}\n"
                            "  snfs: {topology: {interval: 2it}}\n"
                            "  mest: {topology: {interval: 2it}}\n"
                            "  rigl-signs: {like: rigl, mask: {basis: {random: {block: 1}}}}\n"
                            "  set-signs: {like: set, mask: {basis: {random: {block: 1}}}}\n"
                            "  snfs-signs: {like: snfs, mask: {basis: {random: {block: 1}}}}\n"
                            "  mest-signs: {like: mest, mask: {basis: {random: {block: 1}}}}"};
    wn_run_summary summary;
    CHECK_OK(run(&p, &summary));
    for (int i = 0; i < 4; i++) {
        json_t *plain = row_of("signs", pairs[i][0]), *signs = row_of("signs", pairs[i][1]);
        json_t *left = json_object_get(plain, "topology"), *right = json_object_get(signs, "topology");
        CHECK(json_integer_value(json_object_get(left, "updates")) > 2);
        CHECK(json_integer_value(json_object_get(left, "grown")) > json_integer_value(json_object_get(left, "regrown")));
        if (!json_equal(left, right)) WN_TEST_FAIL("%s: another topology", pairs[i][1]);
        json_decref(plain);
        json_decref(signs);
        wn__safetensors *a = final_of("signs", pairs[i][0]), *b = final_of("signs", pairs[i][1]);
        const wn__st_tensor *x = wn__safetensors_find(a, "conv2.weight"), *y = wn__safetensors_find(b, "conv2.weight");
        CHECK(x && y && x->count == y->count);
        for (int64_t k = 0; k < x->count; k++) /* -0 is 0 */
            if (((const float *)x->data)[k] != ((const float *)y->data)[k]) WN_TEST_FAIL("%s: conv2.weight differs", pairs[i][1]);
        wn__safetensors_close(a);
        wn__safetensors_close(b);
    }
}

static void check_refused(const char *rows, const char *message)
{
    wn_run_summary summary;
    const plan p = {.store = "refused", .methods = "wrong", .rows = rows};
    CHECK_EQ_INT(run(&p, &summary), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), message);
}

TEST(what_does_not_fit_is_said_before_anything_is_trained)
{
    if (!has_all_libraries()) SKIP("no FFTW or LAPACK");
    check_refused("  wrong: {like: lottery-ticket, mask: {basis: wavelet}}",
                  "mask.basis: unknown basis \"wavelet\"; valid: canonical, dct");
    check_refused("  wrong: {like: lottery-ticket, mask: {basis: {haar: {over: taps}}}}",
                  "wrong: mask.basis: conv1.weight: basis haar does not fit: 3 rows of taps are no power of two");
    check_refused("  wrong: {like: rigl, mask: {basis: units}}", "nothing to draw before weights are trained");
    check_refused("  wrong: {like: rigl, mask: {basis: svd, from: pruned}}", "which of its parts are kept cannot change while training");
    check_refused("  wrong: {like: static, mask: {basis: svd}}", "nothing to draw before weights are trained");
    check_refused("  wrong: {like: synflow, mask: {basis: dct}}", "this score knows weights alone");
    check_refused("  wrong: {like: lottery-ticket, mask: {basis: {dct: {over: rows}}}}", "taps, channels, both");
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(every_basis_runs_with_other_masks_labels_and_rewinding),
                                    RUN(the_number_of_threads_changes_no_bit),
                                    RUN(stopped_and_continued_it_ends_in_the_same_bytes),
                                    RUN(the_canonical_basis_is_ordinary_pruning_and_shares_its_stages),
                                    RUN(smaller_networks_are_written_beside_and_are_as_good),
                                    RUN(shrinking_returns_the_smallest_that_holds),
                                    RUN(files_hold_the_weights_that_the_coefficients_make),
                                    RUN(the_lab_looks_at_coefficients),
                                    RUN(under_a_basis_of_signs_the_topology_moves_as_without_one),
                                    RUN(what_does_not_fit_is_said_before_anything_is_trained),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
