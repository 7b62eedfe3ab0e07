/* Frozen parameters: neither updates nor decay, nor a part in the gradient's norm. */
#include "nn/freezing.h"
#include "nn/optimizer.h"
#include "test.h"

static wn_graph *small_graph(void)
{
    wn_graph *g = wn_graph_new("small", 1, 2, 2);
    int x = wn_graph_conv(g, wn_graph_input(g), "a.conv", (wn_conv){.out = 2, .kernel = 2});
    x = wn_graph_linear(g, wn_graph_batch_norm(g, x, "bn"), "fc", 2, true);
    CHECK_OK(wn_graph_finish(g, x));
    return g;
}

static void check_refused(const wn_graph *g, const char *const *patterns, int count, const char *text)
{
    CHECK_STATUS(wn__freezing_check(&(wn__freezing){patterns, count}, g), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), text);
}

TEST(patterns_name_parameters_or_nodes)
{
    wn_graph *g = small_graph();
    wn__params params;
    static const char *const some[] = {"a.conv", "fc.b*"}, *const none[] = {"bn.running_mean"}, *const all[] = {"*"};
    CHECK_OK(wn__graph_make_params(g, &params));
    CHECK_OK(wn__freezing_check(&(wn__freezing){some, 2}, g));
    CHECK_OK(wn__freeze(&(wn__freezing){some, 2}, &params));
    for (int i = 0; i < params.count; i++) {
        const char *name = params.item[i].name;
        CHECK_EQ_INT(params.item[i].frozen, !strcmp(name, "a.conv.weight") || !strcmp(name, "fc.bias"));
    }
    check_refused(g, none, 1, "\"bn.running_mean\" names no trained parameter of small");
    check_refused(g, all, 1, "nothing of small is left to train");
    wn__params_release(&params);
    wn_graph_free(g);
}

TEST(frozen_parameters_stay_and_do_not_count)
{
    wn_graph *g = small_graph();
    wn__params params;
    wn__updater *u;
    wn__pool *pool;
    const wn__optimizer_type *sgd;
    static const char *const conv[] = {"a.conv"};
    CHECK_OK(wn__optimizer_find("sgd", &sgd));
    void *config = wn__alloc(sgd->config_size);
    CHECK_OK(wn__settings_defaults(sgd->settings, config));
    CHECK_OK(wn__settings_set(sgd->settings, config, "weight_decay", "0.1"));
    CHECK_OK(wn__pool_new(1, &pool));
    CHECK_OK(wn__graph_make_params(g, &params));
    CHECK_OK(wn__freeze(&(wn__freezing){conv, 1}, &params));
    wn__param *frozen = wn__params_find(&params, "a.conv.weight"), *bias = wn__params_find(&params, "fc.bias");
    for (int64_t i = 0; i < frozen->count; i++) {
        frozen->value[i] = 2;
        frozen->grad[i] = 1000;
    }
    bias->value[0] = 0;
    bias->grad[0] = 1; /* the only gradient that counts */
    const wn__optimizer optimizer = {.type = sgd, .config = config, .clip_norm = 1};
    CHECK_OK(wn__updater_new(&optimizer, &params, pool, &u));
    CHECK_OK(wn__updater_step(u, 0.5, 1));
    for (int64_t i = 0; i < frozen->count; i++)
        CHECK_NEAR(frozen->value[i], 2, 0, 0);
    CHECK_NEAR(bias->value[0], -0.5, 1e-6, 0);
    wn__updater_free(u);
    wn__params_release(&params);
    wn__pool_free(pool);
    wn__free(config);
    wn_graph_free(g);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(patterns_name_parameters_or_nodes), RUN(frozen_parameters_stay_and_do_not_count), {0}};
    return wn_test_main(argc, argv, tests);
}
