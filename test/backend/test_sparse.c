/* Every operation of the sparse backend against the reference backend. */
#include "nn/executor/bands.h"
#include "op_pair.h"
#include "tiny_network.h"

static void check(wn__op_desc desc, options o) { check_on("sparse", desc, o); }

/* --- what is checked ----------------------------------------------------------------------------------------------------------- */

static const wn__op_desc convolutions[] = {
    {.n = 5, .in_c = 3, .in_h = 9, .in_w = 9, .out_c = 16, .kernel_h = 3, .pad = 1},
    {.n = 18, .in_c = 16, .in_h = 8, .in_w = 8, .out_c = 16, .kernel_h = 3, .pad = 1, .bias = true, .relu = true},
    {.n = 4, .in_c = 16, .in_h = 9, .in_w = 7, .out_c = 32, .kernel_h = 3, .stride = 2, .pad = 1},
    {.n = 4, .in_c = 16, .in_h = 9, .in_w = 7, .out_c = 32, .kernel_h = 1, .stride = 2},
    {.n = 3, .in_c = 5, .in_h = 7, .in_w = 6, .out_c = 7, .kernel_h = 5, .bias = true},
    {.n = 3, .in_c = 8, .in_h = 6, .in_w = 6, .out_c = 12, .kernel_h = 3, .kernel_w = 1, .groups = 4, .relu = true},
    {.n = 2, .in_c = 16, .in_h = 5, .in_w = 5, .out_c = 16, .kernel_h = 3, .pad = 1, .groups = 16},
    {.n = 1, .in_c = 1, .in_h = 1, .in_w = 1, .out_c = 1, .kernel_h = 1, .bias = true},
    {.n = 17, .in_c = 64, .in_h = 1, .in_w = 1, .out_c = 10, .kernel_h = 1, .relu = true},
    {.n = 33, .in_c = 32, .in_h = 4, .in_w = 4, .out_c = 48, .kernel_h = 3, .pad = 1, .bias = true},
    {.n = 48, .in_c = 16, .in_h = 2, .in_w = 2, .out_c = 32, .kernel_h = 3, .pad = 1},
    {.n = 3, .in_c = 4, .in_h = 11, .in_w = 8, .out_c = 6, .kernel_h = 3, .stride = 3, .pad = 1, .bias = true},
    {.n = 2, .in_c = 3, .in_h = 3, .in_w = 2, .out_c = 4, .kernel_h = 5, .pad = 2},
    {.n = 2, .in_c = 2, .in_h = 2, .in_w = 2, .out_c = 3, .kernel_h = 5, .stride = 3, .pad = 2},
    {.n = 2, .in_c = 3, .in_h = 4, .in_w = 5, .out_c = 3, .kernel_h = 1, .stride = 2, .pad = 1},
};

static const wn__op_desc linears[] = {
    {.kind = WN__OP_LINEAR, .n = 5, .in_c = 16, .in_h = 4, .in_w = 3, .out_c = 10, .bias = true, .relu = true},
    {.kind = WN__OP_LINEAR, .n = 70, .in_c = 40, .in_h = 1, .in_w = 1, .out_c = 130, .bias = true},
    {.kind = WN__OP_LINEAR, .n = 33, .in_c = 784, .in_h = 1, .in_w = 1, .out_c = 30},
    {.kind = WN__OP_LINEAR, .n = 1, .in_c = 1, .in_h = 28, .in_w = 28, .out_c = 7, .bias = true},
};

static const wn__op_desc pools[] = {
    {.kind = WN__OP_MAX_POOL, .n = 3, .in_c = 17, .in_h = 7, .in_w = 6, .kernel_h = 2, .stride = 2},
    {.kind = WN__OP_MAX_POOL, .n = 17, .in_c = 5, .in_h = 7, .in_w = 6, .kernel_h = 3, .stride = 2, .pad = 1},
    {.kind = WN__OP_MAX_POOL, .n = 33, .in_c = 1, .in_h = 5, .in_w = 9, .kernel_h = 3, .kernel_w = 2, .stride = 1, .pad = 1},
    {.kind = WN__OP_MAX_POOL, .n = 16, .in_c = 2, .in_h = 1, .in_w = 1, .kernel_h = 1},
    {.kind = WN__OP_MAX_POOL, .n = 1, .in_c = 2, .in_h = 16, .in_w = 16, .kernel_h = 16},
    {.kind = WN__OP_AVG_POOL, .n = 3, .in_c = 64, .in_h = 8, .in_w = 8, .kernel_h = 8},
    {.kind = WN__OP_AVG_POOL, .n = 17, .in_c = 7, .in_h = 7, .in_w = 6, .kernel_h = 3, .stride = 2, .pad = 1},
    {.kind = WN__OP_AVG_POOL, .n = 33, .in_c = 3, .in_h = 7, .in_w = 6, .kernel_h = 2, .stride = 3},
    {.kind = WN__OP_AVG_POOL, .n = 1, .in_c = 1, .in_h = 1, .in_w = 1, .kernel_h = 1},
};

/* {in[0], in[1], out}; a pad needs at least as much at its input, which only convolutions have. */
static const int borders[][3] = {{0, 0, 0}, {1, 1, 1}, {2, 1, 3}, {0, 3, 1}, {3, 0, 0}};

static const wn__op_desc sizes[] = {
    {.n = 1, .in_c = 1, .in_h = 1, .in_w = 1},   {.n = 3, .in_c = 5, .in_h = 1, .in_w = 9},   {.n = 16, .in_c = 3, .in_h = 8, .in_w = 8},
    {.n = 17, .in_c = 2, .in_h = 7, .in_w = 6},  {.n = 33, .in_c = 4, .in_h = 5, .in_w = 3},  {.n = 16, .in_c = 1, .in_h = 1, .in_w = 1},
    {.n = 33, .in_c = 17, .in_h = 1, .in_w = 1}, {.n = 2, .in_c = 1, .in_h = 40, .in_w = 21}, {.n = 18, .in_c = 3, .in_h = 13, .in_w = 7},
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void check_with_borders(wn__op_desc d, options o)
{
    for (size_t i = 0; i < COUNT(borders); i++) {
        d.in_border[0] = borders[i][0] > d.pad || d.kind != WN__OP_CONV ? borders[i][0] : d.pad;
        d.in_border[1] = borders[i][1];
        d.out_border = borders[i][2];
        check(d, o);
    }
}

/* 3x3 windows over images that are a single run, whose entries are sorted by tap: one and several tiles of channels, pieces of one, two
 * and four blocks, last rows that no thread's share ends with. */
static const wn__op_desc few_pixels[] = {
    {.n = 35, .in_c = 110, .in_h = 4, .in_w = 4, .out_c = 70, .kernel_h = 3, .pad = 1},
    {.n = 16, .in_c = 3, .in_h = 4, .in_w = 4, .out_c = 200, .kernel_h = 3, .pad = 1, .bias = true, .relu = true},
    {.n = 113, .in_c = 110, .in_h = 2, .in_w = 2, .out_c = 70, .kernel_h = 3, .pad = 1, .bias = true, .relu = true},
    {.n = 110, .in_c = 16, .in_h = 2, .in_w = 2, .out_c = 130, .kernel_h = 3, .pad = 1},
    {.n = 3, .in_c = 5, .in_h = 2, .in_w = 2, .out_c = 1, .kernel_h = 3, .pad = 1, .bias = true},
};

static void check_few_pixels(options o)
{
    for (size_t i = 0; i < COUNT(few_pixels); i++)
        for (int border = 1; border <= 2; border++) { /* with the larger one, 4x4 is gathered */
            wn__op_desc d = few_pixels[i];
            d.in_border[0] = d.out_border = border;
            check(d, o);
        }
}

/* As far as a convolution's gradient reaches, at least. */
static void check_convolution(wn__op_desc d, options o)
{
    const int kernel_w = d.kernel_w ? d.kernel_w : d.kernel_h, kernel = d.kernel_h > kernel_w ? d.kernel_h : kernel_w;
    d.in_border[0] = d.pad;
    d.out_border = kernel - 1;
    check(d, o);
    d.in_border[0]++;
    d.out_border += 2;
    check(d, o);
}

static void check_all_sizes(wn__op_kind kind, bool relu, int inputs, options o)
{
    for (size_t i = 0; i < COUNT(sizes); i++) {
        wn__op_desc d = sizes[i];
        d.kind = kind;
        d.relu = relu;
        d.inputs = inputs;
        d.rate = 0.3f;
        check_with_borders(d, o);
    }
}

static void check_norms(options o)
{
    for (int relu = 0; relu < 2; relu++)
        for (int inputs = 1; inputs <= 2; inputs++)
            check_all_sizes(WN__OP_NORM, relu, inputs, o);
}

static void check_adds(options o)
{
    check_all_sizes(WN__OP_ADD, true, 1, o);
    check_all_sizes(WN__OP_ADD, true, 2, o);
    check_all_sizes(WN__OP_ADD, false, 2, o);
}

TEST(convolutions_equal_the_reference)
{
    for (size_t i = 0; i < COUNT(convolutions); i++)
        check_convolution(convolutions[i], (options){0});
}

TEST(convolutions_of_few_pixels_equal_the_reference)
{
    check_few_pixels((options){0});
    check_few_pixels((options){.density = 0.3f});
    check_few_pixels((options){.density = 0.02f, .accumulate = true});
}

TEST(linear_layers_equal_the_reference)
{
    for (size_t i = 0; i < COUNT(linears); i++)
        check_with_borders(linears[i], (options){0});
}

TEST(stored_entries_equal_the_reference_with_zeros)
{
    static const float density[] = {0.3f, 0.02f};
    for (size_t k = 0; k < COUNT(density); k++) {
        for (size_t i = 0; i < COUNT(convolutions); i++)
            check_convolution(convolutions[i], (options){.density = density[k]});
        for (size_t i = 0; i < COUNT(linears); i++)
            check_with_borders(linears[i], (options){.density = density[k]});
    }
}

TEST(norms_equal_the_reference) { check_norms((options){0}); }
TEST(norms_in_evaluation_equal_the_reference) { check_norms((options){.evaluation = true}); }
TEST(additions_equal_the_reference) { check_adds((options){0}); }

TEST(pools_equal_the_reference)
{
    for (size_t i = 0; i < COUNT(pools); i++)
        check_with_borders(pools[i], (options){0});
}

TEST(first_of_equal_values_wins)
{
    for (size_t i = 0; i < COUNT(pools); i++)
        check(pools[i], (options){.ties = true});
}

TEST(relus_with_an_upper_bound_equal_the_reference)
{
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (int inputs = 1; inputs <= 2; inputs++)
            for (int two = 0; two < 2; two++) {
                wn__op_desc d = sizes[i];
                d.relu = true;
                d.relu_most = 0.5f;
                d.inputs = inputs;
                d.kind = WN__OP_NORM;
                check_with_borders(d, (options){.two_gradients = two});
                d.kind = WN__OP_ADD;
                check_with_borders(d, (options){.two_gradients = two});
            }
    wn__op_desc d = convolutions[1], l = linears[0];
    d.relu_most = l.relu_most = 0.5f;
    check_convolution(d, (options){.density = 0.3f});
    check_convolution(d, (options){.band = 2});
    check_with_borders(l, (options){0});
}

TEST(bands_of_rows_equal_the_reference)
{
    for (int band = 1; band <= 3; band += 2) {
        check_norms((options){.band = band});
        check_norms((options){.band = band, .two_gradients = true, .in_place = true});
        check_adds((options){.band = band, .in_place = true});
        for (size_t i = 0; i < COUNT(convolutions); i++)
            check_convolution(convolutions[i], (options){.band = band, .density = i % 2 ? 0.3f : 0});
        for (size_t i = 0; i < COUNT(linears); i++)
            check_with_borders(linears[i], (options){.band = band});
    }
    check_with_borders((wn__op_desc){.kind = WN__OP_NORM, .n = 20, .in_c = 70, .in_h = 7, .in_w = 6}, (options){.offset = 1000, .band = 2});
}

TEST(dropout_drops_the_elements_that_the_reference_drops) { check_all_sizes(WN__OP_DROPOUT, false, 1, (options){0}); }
TEST(evaluation_leaves_dropout_out) { check_all_sizes(WN__OP_DROPOUT, false, 1, (options){.evaluation = true}); }

TEST(gradients_of_inputs_may_take_the_place_of_the_output_s)
{
    check_norms((options){.in_place = true});
    check_norms((options){.in_place = true, .two_gradients = true});
    check_adds((options){.in_place = true});
    check_adds((options){.in_place = true, .two_gradients = true});
}

TEST(two_gradients_of_one_output_add_up)
{
    check_norms((options){.two_gradients = true});
    check_adds((options){.two_gradients = true});
}

TEST(gradients_of_parameters_accumulate)
{
    check_norms((options){.accumulate = true});
    for (size_t i = 0; i < COUNT(convolutions); i++)
        check_convolution(convolutions[i], (options){.accumulate = true, .density = i % 2 ? 0.3f : 0});
    for (size_t i = 0; i < COUNT(linears); i++)
        check(linears[i], (options){.accumulate = true, .density = i % 2 ? 0.3f : 0});
}

TEST(nan_and_infinity_go_where_the_reference_lets_them)
{
    const float specials[] = {NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < COUNT(specials); i++) {
        const options o = {.special = specials[i]}, evaluation = {.special = specials[i], .evaluation = true};
        check_norms(o);
        check_norms(evaluation);
        check_adds(o);
        for (size_t k = 0; k < COUNT(pools); k++)
            check_with_borders(pools[k], o);
        check_all_sizes(WN__OP_DROPOUT, false, 1, o);
    }
    check_convolution(convolutions[1], (options){.special = NAN});
    check(linears[0], (options){.special = NAN});
}

/* float32 inputs of 1000 +- 1 carry 6e-5 of rounding themselves; sums of squares in float32 would lose the variance altogether. */
TEST(variance_survives_a_large_mean)
{
    check_with_borders((wn__op_desc){.kind = WN__OP_NORM, .n = 20, .in_c = 17, .in_h = 7, .in_w = 6}, (options){.offset = 1000});
    check_with_borders((wn__op_desc){.kind = WN__OP_NORM, .n = 33, .in_c = 1, .in_h = 28, .in_w = 28}, (options){.offset = 1000});
}

/* float32 sums over so many pixels would be off by 1e-5. */
TEST(moments_of_many_pixels_keep_their_digits)
{
    enum { SIDE = 300, VALUES = SIDE * SIDE * WN__LANE };
    const wn__lane_layout l = wn__lane_layout_of(1, SIDE, SIDE, 0);
    wn__rng r = wn__rng_make(6, WN__FOR_TEST, 0, 0);
    float *x = draw(&r, VALUES, 0, 1);
    double mean, m2, want_mean = 0, want_m2 = 0;
    x[0] = 0;
    wn__lanes()->moments(&l, WN__LANE, x, &mean, &m2);
    for (int i = 0; i < VALUES; i++)
        want_mean += x[i] / (double)VALUES;
    for (int i = 0; i < VALUES; i++)
        want_m2 += (x[i] - want_mean) * (x[i] - want_mean);
    CHECK_NEAR(mean, want_mean, 0, 1e-7);
    CHECK_NEAR(m2, want_m2, 0, 1e-6);
    wn__free(x);
}

TEST(moments_of_a_channel_range_equal_those_of_the_whole)
{
    enum { CHANNELS = 7, PLANE = 6 * 5 };
    const wn__lane_layout all = wn__lane_layout_of(CHANNELS, 4, 3, 1), some = wn__lane_layout_of(3, 4, 3, 1);
    CHECK_EQ_INT(all.plane, PLANE);
    wn__rng r = wn__rng_make(3, WN__FOR_TEST, 0, 0);
    float *x = draw(&r, CHANNELS * PLANE * WN__LANE, 999, 1001);
    double mean[CHANNELS], m2[CHANNELS], part_mean[3], part_m2[3];
    wn__lanes()->moments(&all, 11, x, mean, m2);
    wn__lanes()->moments(&some, 11, x + 2 * PLANE * WN__LANE, part_mean, part_m2);
    CHECK(memcmp(part_mean, mean + 2, sizeof part_mean) == 0);
    CHECK(memcmp(part_m2, m2 + 2, sizeof part_m2) == 0);
    wn__free(x);
}

/* Images of every width and count, against the index formula. */
TEST(uploaded_images_come_back)
{
    wn__device *device;
    CHECK_OK(wn__backend_sparse.open(&wn__backend_sparse, &(wn__device_options){0}, &device));
    wn__rng r = wn__rng_make(4, WN__FOR_TEST, 0, 0);
    for (int n = 1; n <= 35; n += n < 14 ? 6 : 1)
        for (int w = 1; w <= 40; w += w < 14 ? 4 : 1) {
            const wn__shape s = {n, 3, 2, w, (n + w) % 3};
            const wn__lane_layout l = wn__lane_layout_of(s.c, s.h, s.w, s.border);
            const int64_t size = s.n * s.c * s.h * s.w;
            float *plain = draw(&r, size, -1, 1), *again = floats(size), *stored = garbage(device->activation_bytes(device, &s));
            CHECK_OK(device->upload(device, plain, &s, stored));
            CHECK_OK(device->download(device, stored, &s, again));
            CHECK(memcmp(plain, again, (size_t)size * sizeof *plain) == 0);
            for (int64_t i = 0; i < size; i++) {
                const int64_t x = i % s.w, y = i / s.w % s.h, c = i / s.w / s.h % s.c, image = i / s.w / s.h / s.c;
                const int64_t pixel = image / WN__LANE * l.block + c * l.plane + l.origin + y * l.row + x;
                CHECK(stored[pixel * WN__LANE + image % WN__LANE] == plain[i]);
            }
            wn__free(plain);
            wn__free(again);
            wn__free(stored);
        }
    device->close(device);
}

TEST(bfloat16_is_refused)
{
    wn__device *device;
    CHECK_STATUS(wn__backend_sparse.open(&wn__backend_sparse, &(wn__device_options){.dtype = WN__BF16}, &device), WN_EUNSUPPORTED);
    CHECK_HAS_TEXT(wn_error_message(), "float32");
}

TEST(a_dense_layer_too_large_for_its_offsets_is_refused)
{
    wn__device *device;
    wn__op *op;
    const wn__op_desc d = complete(
        (wn__op_desc){.kind = WN__OP_LINEAR, .n = 1, .in_c = 1 << 16, .in_h = 1, .in_w = 1, .out_c = 1 << 16, .inference_only = true});
    CHECK_OK(wn__backend_sparse.open(&wn__backend_sparse, &(wn__device_options){0}, &device));
    CHECK_OK(device->prepare(device, &d, &op));
    CHECK_EQ_INT(op->cls->bind(op, NULL), WN_EUNSUPPORTED);
    op->cls->release(op);
    device->close(device);
}

/* Nothing may be read before it is there, its border included. */
TEST(a_window_inside_the_padding_awaits_the_border)
{
    wn__device *device;
    wn__op *op;
    const wn__op_desc d = complete((wn__op_desc){.kind = WN__OP_CONV,
                                                 .n = 16,
                                                 .in_c = 1,
                                                 .in_h = 40,
                                                 .in_w = 3,
                                                 .out_c = 1,
                                                 .kernel_h = 1,
                                                 .pad = 30,
                                                 .in_border = {30},
                                                 .groups = 1});
    CHECK_OK(wn__backend_sparse.open(&wn__backend_sparse, &(wn__device_options){0}, &device));
    CHECK_OK(device->prepare(device, &d, &op));
    CHECK_EQ_INT(op->cls->reach(op, WN__FORWARD, false, 1), 1);
    op->cls->release(op);
    device->close(device);
}

TEST(a_window_too_large_for_the_winner_is_refused)
{
    wn__device *device;
    wn__op *op;
    CHECK_OK(wn__backend_sparse.open(&wn__backend_sparse, &(wn__device_options){0}, &device));
    const wn__op_desc d = complete((wn__op_desc){.kind = WN__OP_MAX_POOL, .n = 1, .in_c = 1, .in_h = 20, .in_w = 20, .kernel_h = 17});
    CHECK_STATUS(device->prepare(device, &d, &op), WN_EUNSUPPORTED);
    device->close(device);
}

/* --- whole networks ------------------------------------------------------------------------------------------------------------ */

static wn_graph *few_pixel_network(void)
{
    wn_graph *g = wn_graph_new("tiny", 5, 8, 8);
    int x = wn_graph_relu(g, wn_graph_conv(g, wn_graph_input(g), "first", (wn_conv){.out = 20, .kernel = 3, .pad = 1}));
    x = wn_graph_batch_norm(g, wn_graph_conv(g, wn_graph_max_pool(g, x, 2, 2, 0), "second", (wn_conv){.out = 70, .kernel = 3, .pad = 1}),
                            "norm");
    x = wn_graph_relu(g, wn_graph_conv(g, wn_graph_relu(g, x), "third", (wn_conv){.out = 72, .kernel = 3, .pad = 1, .bias = true}));
    x = wn_graph_relu(g, wn_graph_conv(g, wn_graph_max_pool(g, x, 2, 2, 0), "fourth", (wn_conv){.out = 80, .kernel = 3, .pad = 1}));
    x = wn_graph_relu(g, wn_graph_conv(g, x, "fifth", (wn_conv){.out = 30, .kernel = 3, .pad = 1, .bias = true}));
    CHECK_OK(wn_graph_finish(g, wn_graph_linear(g, x, "last", TINY_CLASSES, true)));
    return g;
}

#define FEW_BYTES (384 * 1024) /* a group of more is run in bands here */

/* Groups that are run in bands. */
static wn_graph *large_images(void)
{
    wn_graph *g = wn_graph_new("large", 3, 32, 32);
    int x = wn_graph_conv(g, wn_graph_input(g), "first", (wn_conv){.out = 12, .kernel = 3, .pad = 1});
    x = wn_graph_relu(g, wn_graph_batch_norm(g, x, "norm"));
    x = wn_graph_conv(g, x, "second", (wn_conv){.out = 16, .kernel = 3, .pad = 1});
    x = wn_graph_relu(g, wn_graph_batch_norm(g, x, "norm2"));
    x = wn_graph_conv(g, x, "third", (wn_conv){.out = 8, .kernel = 3, .stride = 2, .pad = 1});
    CHECK_OK(wn_graph_finish(g, wn_graph_linear(g, wn_graph_relu(g, wn_graph_batch_norm(g, x, "norm3")), "last", TINY_CLASSES, true)));
    return g;
}

/* How many bands each group of a training step has, in `bands`; returns how many groups there are. */
static int count_bands(const wn_graph *g, int threads, int bands[], int most)
{
    wn__lowered *ops;
    wn__pool *pool;
    wn__plan plan;
    int count, groups = 0;
    wn__device *device = tiny_device("sparse", threads, WN__F32, &pool);
    device->band_bytes = FEW_BYTES;
    CHECK_OK(wn__lower(g, false, &ops, &count));
    CHECK_OK(wn__plan_make(
        &(wn__plan_request){
            .graph = g, .lowered = ops, .count = count, .device = device, .n = TINY_BATCH, .kind = WN__PLAN_TRAIN, .recompute = true},
        &plan));
    for (int i = 0, next; i < plan.calls; i = next) {
        for (next = i + 1; next < plan.calls && plan.call[next].group == plan.call[i].group; next++) {
        }
        CHECK(groups < most);
        bands[groups++] = wn__bands_of_group(&plan, &plan.call[i], next - i, device);
    }
    wn__plan_release(&plan);
    wn__free(ops);
    tiny_device_close(device, pool);
    return groups;
}

/* Sums are made band by band: their number must not depend on the threads, whose number decides how much memory a group takes. */
TEST(bands_do_not_depend_on_the_number_of_threads)
{
    enum { MOST = 32 };
    int one[MOST], three[MOST], largest = 0;
    wn_graph *g = large_images();
    const int groups = count_bands(g, 1, one, MOST);
    CHECK_EQ_INT(count_bands(g, 3, three, MOST), groups);
    for (int i = 0; i < groups; i++) {
        CHECK_EQ_INT(three[i], one[i]);
        largest = one[i] > largest ? one[i] : largest;
    }
    CHECK(largest > 1);
    wn_graph_free(g);
}

static void check_against_reference(wn_graph *(*build)(void))
{
    int64_t count, again;
    float *want = tiny_gradients((tiny_case){.build = build, .backend = "ref"}, 2, &count);
    float *got = tiny_gradients((tiny_case){.build = build, .backend = "sparse", .band_bytes = FEW_BYTES}, 2, &again);
    CHECK_EQ_INT(again, count);
    double difference = 0, largest = 0;
    for (int64_t i = 0; i < count; i++) {
        difference = fmax(difference, fabs((double)got[i] - (double)want[i]));
        largest = fmax(largest, fabs((double)want[i]));
    }
    CHECK(difference <= 1e-4 * largest);
    wn__free(want);
    wn__free(got);
}

TEST(gradients_of_a_network_equal_the_reference) { check_against_reference(tiny_residual); }
TEST(gradients_of_tiny_images_equal_the_reference) { check_against_reference(few_pixel_network); }
TEST(gradients_made_in_bands_equal_the_reference) { check_against_reference(large_images); }

TEST(gradients_do_not_depend_on_the_number_of_threads)
{
    tiny_check_thread_counts((tiny_case){.build = tiny_residual, .backend = "sparse", .band_bytes = FEW_BYTES}, 3);
    tiny_check_thread_counts((tiny_case){.build = large_images, .backend = "sparse", .band_bytes = FEW_BYTES}, 3);
    tiny_check_thread_counts((tiny_case){.build = few_pixel_network, .backend = "sparse", .band_bytes = FEW_BYTES}, 3);
}

/* Blocks are taken together as there are; images are enough not to be few (wn__device.few_images). */
TEST(logits_of_an_image_do_not_depend_on_the_batch)
{
    enum { SOME = 11 };
    tiny_network t = tiny_make(few_pixel_network(), 1, "sparse", 1, WN__F32);
    const int64_t image = tiny_image_size(t.graph);
    float *images = tiny_images(t.graph, TINY_BATCH, 2), all[TINY_BATCH * TINY_CLASSES], some[SOME * TINY_CLASSES];
    tiny_prepare(&t, (wn__executor_options){.batch = TINY_BATCH});
    CHECK_OK(wn__executor_infer(t.ex, images, TINY_BATCH, (wn__step_info){0}, all));
    CHECK(SOME > t.device->few_images);
    for (int64_t i = 0; i <= TINY_BATCH - SOME; i += 13) {
        CHECK_OK(wn__executor_infer(t.ex, images + i * image, SOME, (wn__step_info){0}, some));
        CHECK(memcmp(some, all + i * TINY_CLASSES, sizeof some) == 0);
    }
    tiny_release(&t);
    wn__free(images);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(convolutions_equal_the_reference),
                                    RUN(convolutions_of_few_pixels_equal_the_reference),
                                    RUN(linear_layers_equal_the_reference),
                                    RUN(stored_entries_equal_the_reference_with_zeros),
                                    RUN(norms_equal_the_reference),
                                    RUN(norms_in_evaluation_equal_the_reference),
                                    RUN(additions_equal_the_reference),
                                    RUN(pools_equal_the_reference),
                                    RUN(first_of_equal_values_wins),
                                    RUN(relus_with_an_upper_bound_equal_the_reference),
                                    RUN(bands_of_rows_equal_the_reference),
                                    RUN(dropout_drops_the_elements_that_the_reference_drops),
                                    RUN(evaluation_leaves_dropout_out),
                                    RUN(gradients_of_inputs_may_take_the_place_of_the_output_s),
                                    RUN(two_gradients_of_one_output_add_up),
                                    RUN(gradients_of_parameters_accumulate),
                                    RUN(nan_and_infinity_go_where_the_reference_lets_them),
                                    RUN(variance_survives_a_large_mean),
                                    RUN(moments_of_many_pixels_keep_their_digits),
                                    RUN(moments_of_a_channel_range_equal_those_of_the_whole),
                                    RUN(uploaded_images_come_back),
                                    RUN(bfloat16_is_refused),
                                    RUN(a_dense_layer_too_large_for_its_offsets_is_refused),
                                    RUN(a_window_inside_the_padding_awaits_the_border),
                                    RUN(a_window_too_large_for_the_winner_is_refused),
                                    RUN(bands_do_not_depend_on_the_number_of_threads),
                                    RUN(gradients_of_a_network_equal_the_reference),
                                    RUN(gradients_of_tiny_images_equal_the_reference),
                                    RUN(gradients_made_in_bands_equal_the_reference),
                                    RUN(logits_of_an_image_do_not_depend_on_the_batch),
                                    RUN(gradients_do_not_depend_on_the_number_of_threads),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
