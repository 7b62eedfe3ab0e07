/* Every operation of the onednn backend against the reference backend: same parameters and images, all phases. */
#include "nn/executor/plan.h"
#include "op_pair.h"
#include "tiny_network.h"

static void check(wn__op_desc desc, wn__dtype dtype, options o)
{
    o.dtype = dtype;
    check_on("onednn", desc, o);
}

static void need_onednn(void)
{
    if (!wn__backend_find("onednn")) SKIP("this build has no oneDNN");
}

static void need_bf16(void)
{
    need_onednn();
    wn__device *device;
    const wn__backend *b = wn__backend_find("onednn");
    const wn__device_options wanted = {.dtype = WN__BF16};
    if (b->open(b, &wanted, &device) != WN_OK) SKIP("this CPU has no bfloat16");
    device->close(device);
}

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
    {.n = 70, .in_c = 32, .in_h = 4, .in_w = 4, .out_c = 48, .kernel_h = 3, .pad = 1, .bias = true}, /* two pieces of weight gradient */
    {.n = 128, .in_c = 16, .in_h = 2, .in_w = 2, .out_c = 32, .kernel_h = 3, .pad = 1},
};

static const wn__op_desc others[] = {
    {.kind = WN__OP_LINEAR, .n = 5, .in_c = 16, .in_h = 4, .in_w = 3, .out_c = 10, .bias = true, .relu = true},
    {.kind = WN__OP_LINEAR, .n = 70, .in_c = 40, .in_h = 1, .in_w = 1, .out_c = 130, .bias = true}, /* three tiles of outputs */
    {.kind = WN__OP_LINEAR, .n = 33, .in_c = 784, .in_h = 1, .in_w = 1, .out_c = 30},
    {.kind = WN__OP_LINEAR, .n = 1, .in_c = 1, .in_h = 28, .in_w = 28, .out_c = 7, .bias = true},
    {.kind = WN__OP_ADD, .n = 18, .in_c = 3, .in_h = 5, .in_w = 5, .inputs = 2, .relu = true},
    {.kind = WN__OP_ADD, .n = 3, .in_c = 17, .in_h = 3, .in_w = 1, .relu = true},
    {.kind = WN__OP_ADD, .n = 3, .in_c = 17, .in_h = 3, .in_w = 1, .inputs = 2},
    {.kind = WN__OP_MAX_POOL, .n = 3, .in_c = 17, .in_h = 7, .in_w = 6, .kernel_h = 2, .stride = 2},
    {.kind = WN__OP_MAX_POOL, .n = 3, .in_c = 70, .in_h = 7, .in_w = 6, .kernel_h = 3, .stride = 2, .pad = 1},
    {.kind = WN__OP_AVG_POOL, .n = 3, .in_c = 64, .in_h = 8, .in_w = 8, .kernel_h = 8},
    {.kind = WN__OP_AVG_POOL, .n = 3, .in_c = 70, .in_h = 7, .in_w = 6, .kernel_h = 3, .stride = 2, .pad = 1},
    {.kind = WN__OP_AVG_POOL, .n = 3, .in_c = 3, .in_h = 7, .in_w = 6, .kernel_h = 2, .stride = 3},
    {.kind = WN__OP_DROPOUT, .n = 3, .in_c = 5, .in_h = 3, .in_w = 3, .rate = 0.3f},
    {.kind = WN__OP_DROPOUT, .n = 17, .in_c = 19, .in_h = 21, .in_w = 17, .rate = 0.5f}, /* more pixels than are drawn at a time */
    {.kind = WN__OP_DROPOUT, .n = 2, .in_c = 4101, .in_h = 1, .in_w = 1, .rate = 0.1f},  /* more channels */
};

#define COUNT(list) (sizeof(list) / sizeof *(list))

TEST(convolutions_equal_the_reference)
{
    need_onednn();
    for (size_t i = 0; i < COUNT(convolutions); i++)
        check(convolutions[i], WN__F32, (options){0});
}

TEST(other_operations_equal_the_reference)
{
    need_onednn();
    for (size_t i = 0; i < COUNT(others); i++)
        check(others[i], WN__F32, (options){0});
}

/* Inputs are within +-1: bounds that cut some outputs. */
static wn__op_desc bounded_norm(int inputs)
{
    return (wn__op_desc){.kind = WN__OP_NORM, .n = 20, .in_c = 35, .in_h = 7, .in_w = 6, .inputs = inputs, .relu = true, .relu_most = 0.5f};
}

TEST(bounded_relus_equal_the_reference)
{
    need_onednn();
    check((wn__op_desc){.kind = WN__OP_ADD, .n = 18, .in_c = 3, .in_h = 5, .in_w = 5, .inputs = 2, .relu = true, .relu_most = 0.5f},
          WN__F32, (options){0});
    check((wn__op_desc){.kind = WN__OP_LINEAR, .n = 5, .in_c = 16, .in_h = 4, .in_w = 3, .out_c = 10, .relu = true, .relu_most = 0.5f},
          WN__F32, (options){0});
    for (int inputs = 1; inputs <= 2; inputs++) {
        check(bounded_norm(inputs), WN__F32, (options){0});
        check(bounded_norm(inputs), WN__F32, (options){.two_gradients = true});
    }
    check(bounded_norm(1), WN__F32, (options){.special = NAN});
}

/* Where the mask comes from stored outputs, those that were rounded to the bound count as cut: no comparison with the reference. */
TEST(bounded_relu_in_bfloat16_is_near_the_reference)
{
    need_bf16();
    check(bounded_norm(1), WN__BF16, (options){0});
}

/* Channel counts under, at and over the register widths; rows over and under a chunk. */
static void check_norms(wn__dtype dtype, options o)
{
    static const int64_t channels[] = {1, 3, 4, 8, 15, 16, 17, 32, 48, 64, 67, 100};
    for (size_t i = 0; i < COUNT(channels); i++)
        for (int relu = 0; relu < 2; relu++)
            for (int inputs = 1; inputs <= 2; inputs++)
                check((wn__op_desc){.kind = WN__OP_NORM,
                                    .n = i % 2 ? 3 : 20,
                                    .in_c = channels[i],
                                    .in_h = 7,
                                    .in_w = 6,
                                    .inputs = inputs,
                                    .relu = relu},
                      dtype, o);
}

TEST(norms_equal_the_reference)
{
    need_onednn();
    check_norms(WN__F32, (options){0});
}

TEST(norms_in_evaluation_equal_the_reference)
{
    need_onednn();
    check_norms(WN__F32, (options){.evaluation = true});
}

TEST(two_gradients_of_one_output_add_up)
{
    need_onednn();
    check_norms(WN__F32, (options){.two_gradients = true});
    check((wn__op_desc){.kind = WN__OP_ADD, .n = 3, .in_c = 17, .in_h = 3, .in_w = 1, .inputs = 2}, WN__F32,
          (options){.two_gradients = true});
    check((wn__op_desc){.kind = WN__OP_ADD, .n = 3, .in_c = 17, .in_h = 3, .in_w = 1, .relu = true}, WN__F32,
          (options){.two_gradients = true});
}

TEST(gradients_of_parameters_accumulate)
{
    need_onednn();
    check_norms(WN__F32, (options){.accumulate = true});
    for (size_t i = 0; i < COUNT(convolutions); i++)
        check(convolutions[i], WN__F32, (options){.accumulate = true});
    for (size_t i = 0; i < 4; i++)
        check(others[i], WN__F32, (options){.accumulate = true});
}

TEST(evaluation_leaves_dropout_out)
{
    need_onednn();
    check((wn__op_desc){.kind = WN__OP_DROPOUT, .n = 3, .in_c = 5, .in_h = 3, .in_w = 3, .rate = 0.3f}, WN__F32,
          (options){.evaluation = true});
}

TEST(nan_in_an_image_reaches_the_output)
{
    need_onednn();
    check(convolutions[1], WN__F32, (options){.special = NAN});
    check((wn__op_desc){.kind = WN__OP_NORM, .n = 3, .in_c = 17, .in_h = 3, .in_w = 3, .relu = true}, WN__F32, (options){.special = NAN});
    check(others[4], WN__F32, (options){.special = NAN});
    check(others[6], WN__F32, (options){.special = NAN});
    check(others[8], WN__F32, (options){.special = NAN});
}

/* float32 inputs of 1000 +- 1 carry 6e-5 of rounding themselves; sums of squares in float32 would lose the variance altogether. */
TEST(variance_survives_a_large_mean)
{
    need_onednn();
    check((wn__op_desc){.kind = WN__OP_NORM, .n = 20, .in_c = 17, .in_h = 7, .in_w = 6}, WN__F32, (options){.offset = 1000});
}

TEST(bfloat16_is_near_the_reference)
{
    need_bf16();
    for (size_t i = 0; i < COUNT(convolutions); i++)
        check(convolutions[i], WN__BF16, (options){0});
    for (size_t i = 0; i < COUNT(others); i++)
        check(others[i], WN__BF16, (options){0});
    check_norms(WN__BF16, (options){0});
}

/* --- whole networks ------------------------------------------------------------------------------------------------------------ */

/* The group in which the node's phase runs. */
static int group_of(const wn_graph *g, const wn__plan *plan, const char *node, wn__phase phase)
{
    for (int i = plan->forward_calls; i < plan->calls; i++)
        if (plan->call[i].phase == phase && !strcmp(g->node[plan->call[i].lowered->node].name, node)) return plan->call[i].group;
    WN_TEST_FAIL("no %s of %s", wn__phase_name(phase), node);
}

TEST(a_block_passes_backward_from_one_norm_to_the_next_in_one_group)
{
    need_onednn();
    wn_graph *g = tiny_residual();
    wn__lowered *ops;
    int count;
    wn__pool *pool;
    wn__plan plan;
    wn__device *device = tiny_device("onednn", 1, WN__F32, &pool);
    CHECK_OK(wn__lower(g, false, &ops, &count));
    CHECK_OK(wn__plan_make(
        &(wn__plan_request){.graph = g, .lowered = ops, .count = count, .device = device, .n = 16, .kind = WN__PLAN_TRAIN}, &plan));
    const int group = group_of(g, &plan, "norm2", WN__BACKWARD_DATA);
    CHECK_EQ_INT(group, group_of(g, &plan, "norm2", WN__BACKWARD_PREPARE) + 1);
    CHECK_EQ_INT(group, group_of(g, &plan, "second", WN__BACKWARD_PARAMS));
    CHECK_EQ_INT(group, group_of(g, &plan, "second", WN__BACKWARD_DATA));
    CHECK_EQ_INT(group, group_of(g, &plan, "norm", WN__BACKWARD_PREPARE));
    wn__plan_release(&plan);
    wn__free(ops);
    tiny_device_close(device, pool);
    wn_graph_free(g);
}

/* Operations look for a block that many blocks' bytes behind the start: slabs must be as large as blocks. */
TEST(slabs_of_workers_are_as_large_as_blocks)
{
    need_bf16();
    wn_graph *g = wn_graph_new("odd", 3, 7, 7);
    wn__lowered *ops;
    int count, locals = 0;
    wn__pool *pool;
    wn__plan plan;
    wn__device *device = tiny_device("onednn", 2, WN__BF16, &pool);
    const int64_t blocks = 5;
    int x = wn_graph_relu(g, wn_graph_conv(g, wn_graph_input(g), "even", (wn_conv){.out = 4, .kernel = 1}));
    x = wn_graph_relu(g, wn_graph_conv(g, x, "odd", (wn_conv){.out = 3, .kernel = 3}));
    CHECK_OK(wn_graph_finish(g, wn_graph_conv(g, x, "last", (wn_conv){.out = 2, .kernel = 5})));
    CHECK_OK(wn__lower(g, false, &ops, &count));
    CHECK_OK(wn__plan_make(
        &(wn__plan_request){.graph = g, .lowered = ops, .count = count, .device = device, .n = 16 * blocks, .kind = WN__PLAN_INFER},
        &plan));
    for (int i = 0; i < plan.buffers; i++) {
        locals += plan.buffer[i].local;
        if (plan.buffer[i].local) CHECK_EQ_INT(plan.buffer[i].slab * blocks, plan.buffer[i].size);
    }
    CHECK_EQ_INT(locals, 1);
    wn__plan_release(&plan);
    wn__free(ops);
    tiny_device_close(device, pool);
    wn_graph_free(g);
}

TEST(gradients_do_not_depend_on_the_number_of_threads)
{
    need_onednn();
    tiny_check_thread_counts((tiny_case){.build = tiny_residual, .backend = "onednn"}, 5);
}

TEST(bfloat16_gradients_do_not_depend_on_the_number_of_threads)
{
    need_bf16();
    tiny_check_thread_counts((tiny_case){.build = tiny_residual, .backend = "onednn", .dtype = WN__BF16}, 5);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(convolutions_equal_the_reference),
                                    RUN(a_block_passes_backward_from_one_norm_to_the_next_in_one_group),
                                    RUN(slabs_of_workers_are_as_large_as_blocks),
                                    RUN(other_operations_equal_the_reference),
                                    RUN(bounded_relus_equal_the_reference),
                                    RUN(bounded_relu_in_bfloat16_is_near_the_reference),
                                    RUN(norms_equal_the_reference),
                                    RUN(norms_in_evaluation_equal_the_reference),
                                    RUN(two_gradients_of_one_output_add_up),
                                    RUN(gradients_of_parameters_accumulate),
                                    RUN(evaluation_leaves_dropout_out),
                                    RUN(nan_in_an_image_reaches_the_output),
                                    RUN(variance_survives_a_large_mean),
                                    RUN(bfloat16_is_near_the_reference),
                                    RUN(gradients_do_not_depend_on_the_number_of_threads),
                                    RUN(bfloat16_gradients_do_not_depend_on_the_number_of_threads),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
