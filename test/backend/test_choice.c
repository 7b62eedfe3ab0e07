/* Dense or sparse kernels for compressed weights: no bit depends on it, and what was measured is kept. */
#include "backend/sparse/choice.h"
#include "base/cpu.h"
#include "base/files.h"
#include "op_pair.h"
#include "scratch_folder.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void compare_bits(const char *what, const float *got, const float *want, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (memcmp(&got[i], &want[i], sizeof(float)) != 0)
            WN_TEST_FAIL("%s[%lld] is %.9g, by sparse kernels %.9g", what, (long long)i, (double)got[i], (double)want[i]);
}

static void compare_kernels(const pair *p)
{
    compare_bits("output", p->own.out, p->ref.out, p->out);
    compare_bits("gradient of input", p->own.din[0], p->ref.din[0], p->in);
    compare_bits("gradient of weight", p->own.dparam[0], p->ref.dparam[0], p->has_pattern ? p->pattern.stored : p->param[0]);
    compare_bits("gradient of bias", p->own.dparam[1], p->ref.dparam[1], p->param[1]);
}

static void release_pair(pair *p)
{
    for (int i = 0; i < 2; i++) {
        wn__free(p->plain_in[i]);
        wn__free(p->plain_dout[i]);
        wn__free(p->plain_param[i]);
        wn__free(p->plain_param[2 + i]);
    }
    wn__pattern_release(&p->pattern);
    wn__pool_free(p->pool);
}

/* Against the sparse ones, bit by bit. */
static void check_kernels(wn__op_desc desc, options o, wn__kernels kernels, int threads)
{
    pair p = {.d = complete(desc), .o = o};
    p.ref.kernels = WN__KERNELS_SPARSE;
    p.own.kernels = kernels;
    draw_all(&p);
    CHECK_OK(wn__pool_new(threads, &p.pool));
    open_side(&p, &wn__backend_sparse, WN__F32, &p.ref);
    open_side(&p, &wn__backend_sparse, WN__F32, &p.own);
    void *second = p.ref.a.dout[1];
    run_side(&p, &p.ref);
    run_and_close(&p, &p.own, compare_kernels);
    close_side(&p.ref, second);
    release_pair(&p);
}

static const wn__op_desc chosen[] = {
    {.n = 18, .in_c = 20, .in_h = 9, .in_w = 11, .out_c = 23, .kernel_h = 3, .pad = 1, .bias = true},
    {.n = 16, .in_c = 16, .in_h = 8, .in_w = 8, .out_c = 32, .kernel_h = 3, .stride = 2, .pad = 1, .relu = true},
    {.n = 17, .in_c = 70, .in_h = 7, .in_w = 7, .out_c = 40, .kernel_h = 1},
    {.n = 3, .in_c = 17, .in_h = 16, .in_w = 30, .out_c = 18, .kernel_h = 1, .stride = 2, .bias = true},
    {.n = 5, .in_c = 12, .in_h = 5, .in_w = 4, .out_c = 16, .kernel_h = 5, .pad = 2, .groups = 4},
    {.n = 2, .in_c = 60, .in_h = 13, .in_w = 37, .out_c = 140, .kernel_h = 1},
    {.n = 2, .in_c = 9, .in_h = 10, .in_w = 40, .out_c = 150, .kernel_h = 3, .pad = 1},
    {.kind = WN__OP_LINEAR, .n = 1060, .in_c = 20, .in_h = 1, .in_w = 1, .out_c = 10},
    {.kind = WN__OP_LINEAR, .n = 70, .in_c = 40, .in_h = 1, .in_w = 1, .out_c = 130, .bias = true},
    {.kind = WN__OP_LINEAR, .n = 33, .in_c = 300, .in_h = 1, .in_w = 1, .out_c = 30},
    {.kind = WN__OP_LINEAR, .n = 128, .in_c = 5, .in_h = 3, .in_w = 3, .out_c = 21, .relu = true, .bias = true},
};

TEST(dense_kernels_change_no_bit_of_what_sparse_ones_make)
{
    static const float density[] = {0.01f, 0.3f, 0.5f, 0.8f, 2};
    for (size_t i = 0; i < COUNT(chosen); i++)
        for (size_t k = 0; k < COUNT(density); k++) {
            wn__op_desc d = chosen[i];
            d.in_border[0] = d.pad;
            d.out_border = d.kind == WN__OP_LINEAR ? 0 : d.kernel_h - 1;
            check_kernels(d, (options){.density = density[k]}, WN__KERNELS_DENSE, 2);
            check_kernels(d, (options){.density = density[k], .accumulate = d.kind == WN__OP_LINEAR}, WN__KERNELS_DENSE, 2);
            check_kernels(d, (options){.density = density[k], .ties = true}, WN__KERNELS_DENSE, 3);
            check_kernels(d, (options){.density = density[k], .band = 3}, WN__KERNELS_DENSE, 1);
        }
}

/* As if they had been measured; one line. */
static void write_verdict(const char *shape, const char *densities)
{
    char line[256];
    snprintf(line, sizeof line, "winnow kernels 2\n%s\t%s\t%s\t%s\n", densities, wn__isa_name(wn__isa_in_use()), shape, wn__cpu_name());
    CHECK_OK(wn__make_folders(scratch_path("winnow")));
    CHECK_OK(wn__file_write(scratch_path("winnow/kernels"), line, strlen(line)));
}

static const wn__op_desc plain_conv = {
    .n = 16, .in_c = 16, .in_h = 8, .in_w = 8, .out_c = 16, .kernel_h = 3, .pad = 1, .in_border = {1}, .out_border = 2};
static const wn__op_desc plain_linear = {.kind = WN__OP_LINEAR, .n = 40, .in_c = 64, .in_h = 1, .in_w = 1, .out_c = 48};

static void check_implementation(wn__op_desc desc, float density, const char *want)
{
    pair p = {.d = complete(desc), .o = {.density = density}};
    wn__device *device;
    wn__op *op;
    draw_all(&p);
    CHECK_OK(wn__backend_sparse.open(&wn__backend_sparse, &(wn__device_options){0}, &device));
    CHECK_OK(device->prepare(device, &p.d, &op));
    CHECK_OK(op->cls->bind(op, &p.pattern));
    CHECK_EQ_TEXT(op->implementation, want);
    op->cls->release(op);
    device->close(device);
    release_pair(&p);
}

TEST(each_phase_has_kernels_of_its_own)
{
    static const struct {
        const char *densities, *name;
    } cases[] = {{"0 2 2", "winnow lanes, dense forward"},
                 {"2 0 2", "winnow lanes, dense backward data"},
                 {"0 0 2", "winnow lanes, dense forward and backward data"},
                 {"2 2 0", "winnow lanes, dense backward params"},
                 {"0 2 0", "winnow lanes, dense forward and backward params"},
                 {"2 0 0", "winnow lanes, dense backward"},
                 {"0 0 0", "winnow lanes, dense"},
                 {"2 2 2", "winnow lanes"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        write_verdict("conv 16 16, 8x8, 3x3 stride 1 pad 1", cases[i].densities);
        check_implementation(plain_conv, 0.6f, cases[i].name);
        check_kernels(plain_conv, (options){.density = 0.6f}, WN__KERNELS_MEASURED, 2);
        write_verdict("linear 64 48, 3 blocks", cases[i].densities);
        check_implementation(plain_linear, 0.6f, cases[i].name);
        check_kernels(plain_linear, (options){.density = 0.6f}, WN__KERNELS_MEASURED, 2);
    }
    write_verdict("linear 64 48, 3 blocks", "0 0 0");
    check_implementation(plain_linear, 0.2f, "winnow lanes"); /* not worth an expanded weight */
}

static void break_even(double density[WN__CHOICES])
{
    const wn__op_desc d = complete(plain_conv);
    wn__device *device;
    CHECK_OK(wn__backend_sparse.open(&wn__backend_sparse, &(wn__device_options){0}, &device));
    CHECK_OK(wn__break_even((wn__sparse *)device, &d, density));
    for (int i = 0; i < WN__CHOICES; i++)
        CHECK(density[i] >= 0 && density[i] <= 2);
    device->close(device);
}

TEST(verdicts_are_measured_once_and_a_bad_cache_is_no_error)
{
    double first[WN__CHOICES], again[WN__CHOICES];
    char *text;
    size_t size;
    CHECK_OK(wn__remove_tree(scratch_path("winnow")));
    break_even(first);
    CHECK_OK(wn__file_read(scratch_path("winnow/kernels"), &text, &size));
    CHECK(strstr(text, wn__cpu_name()) && strstr(text, "conv 16 16, 8x8, 3x3 stride 1 pad 1"));
    wn__free(text);
    break_even(again);
    for (int i = 0; i < WN__CHOICES; i++)
        CHECK(fabs(first[i] - again[i]) < 1e-4); /* as written */
    static const char *const damaged[] = {"", "nonsense", "winnow kernels 2\n0.5 0.5\tavx",
                                          "winnow kernels 2\n\n\tx\t\n1e99 nan 3\ta\tb\tc\n"};
    for (size_t i = 0; i < COUNT(damaged); i++) {
        CHECK_OK(wn__file_write(scratch_path("winnow/kernels"), damaged[i], strlen(damaged[i])));
        break_even(again);
    }
    CHECK_OK(wn__remove_tree(scratch_path("winnow")));
    CHECK_OK(wn__file_write(scratch_path("winnow"), "", 0)); /* no folder can be made */
    break_even(again);
}

/* No memory is touched: the pattern has none. */
TEST(huge_weights_are_never_expanded)
{
    const wn__op_desc d = {.kind = WN__OP_LINEAR, .n = 16, .in_c = 5000, .in_h = 1, .in_w = 1, .out_c = 5000, .groups = 1};
    const wn__pattern half = {.rows = 5000, .columns = 5000, .stored = 12500000};
    wn__device *device;
    for (int kernels = WN__KERNELS_MEASURED; kernels <= WN__KERNELS_DENSE; kernels++) {
        bool dense[WN__CHOICES];
        CHECK_OK(wn__backend_sparse.open(&wn__backend_sparse, &(wn__device_options){.kernels = (wn__kernels)kernels}, &device));
        wn__choose((wn__sparse *)device, &d, &half, dense);
        for (int i = 0; i < WN__CHOICES; i++)
            CHECK(!dense[i]);
        device->close(device);
    }
}

TEST(an_unknown_choice_of_kernels_is_refused)
{
    wn__device *device;
    setenv("WINNOW_KERNELS", "fast", 1);
    CHECK_STATUS(wn__backend_sparse.open(&wn__backend_sparse, &(wn__device_options){0}, &device), WN_EUSAGE);
    unsetenv("WINNOW_KERNELS");
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(dense_kernels_change_no_bit_of_what_sparse_ones_make),
                                    RUN(each_phase_has_kernels_of_its_own),
                                    RUN(verdicts_are_measured_once_and_a_bad_cache_is_no_error),
                                    RUN(huge_weights_are_never_expanded),
                                    RUN(an_unknown_choice_of_kernels_is_refused),
                                    {0}};
    scratch_make();
    setenv("XDG_CACHE_HOME", scratch_folder, 1);
    const int code = wn_test_main(argc, argv, tests);
    scratch_remove();
    return code;
}
