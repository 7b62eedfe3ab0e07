/* Optimizers against PyTorch 1.13 (three steps, values below), schedules against their formulas, start weights against their moments. */
#include "base/rng.h"
#include "nn/init.h"
#include "nn/optimizer.h"
#include "nn/schedule.h"
#include "tensor/compression.h"
#include "test.h"

typedef struct setting {
    const char *name, *value;
} setting;

static const wn__optimizer_type *find(const char *name)
{
    const wn__optimizer_type *type = NULL;
    CHECK_OK(wn__optimizer_find(name, &type));
    return type;
}

/* Configured in storage that lives for the whole test. */
static wn__optimizer configure(const char *name, const setting *settings)
{
    static union {
        double align;
        char bytes[256];
    } config;
    const wn__optimizer_type *type = find(name);
    CHECK(type->config_size <= sizeof config);
    CHECK_OK(wn__settings_defaults(type->settings, &config));
    for (; settings && settings->name; settings++)
        CHECK_OK(wn__settings_set(type->settings, &config, settings->name, settings->value));
    return (wn__optimizer){.type = type, .config = &config};
}

static void check_three_steps(const char *name, const setting *settings, double rate, const double want[3])
{
    static const int64_t dim[2] = {3, 1};
    static const float start[3] = {1.0f, -0.5f, 0.25f}, gradient[3] = {0.5f, -1.0f, 0.125f};
    wn__params params = {0};
    wn__updater *u;
    CHECK_OK(wn__params_add(&params, "w.weight", WN__WEIGHT, 2, dim));
    memcpy(params.item[0].value, start, sizeof start);
    const wn__optimizer o = configure(name, settings);
    CHECK_OK(wn__updater_new(&o, &params, NULL, &u));
    for (int step = 1; step <= 3; step++) {
        for (int i = 0; i < 3; i++)
            params.item[0].grad[i] = gradient[i] * (float)step;
        CHECK_OK(wn__updater_step(u, rate, step));
    }
    for (int i = 0; i < 3; i++)
        CHECK_NEAR(params.item[0].value[i], want[i], 1e-6, 1e-6);
    wn__updater_free(u);
    wn__params_release(&params);
}

TEST(sgd_equals_pytorch)
{
    check_three_steps("sgd", (const setting[]){{"momentum", "0.9"}, {"weight_decay", "0.01"}, {0}}, 0.1,
                      (const double[]){0.5191847489999999, 0.4532227005000001, 0.12979618724999997});
    check_three_steps("sgd", (const setting[]){{"momentum", "0.9"}, {"nesterov", "true"}, {0}}, 0.1,
                      (const double[]){0.27205, 0.9559000000000001, 0.0680125});
    check_three_steps("sgd", (const setting[]){{"momentum", "0"}, {"weight_decay", "0.01"}, {0}}, 0.1,
                      (const double[]){0.697202949, 0.10109860050000001, 0.17430073725});
}

TEST(adam_equals_pytorch)
{
    check_three_steps("adam", (const setting[]){{"weight_decay", "0.1"}, {0}}, 0.01,
                      (const double[]){0.97058598426113, -0.47071647384994664, 0.2205805060540534});
    check_three_steps("adamw", (const setting[]){{"weight_decay", "0.1"}, {0}}, 0.01,
                      (const double[]){0.9678008087312729, -0.46929930902616535, 0.22004856071191808});
}

TEST(unknown_optimizer_lists_the_valid_ones)
{
    const wn__optimizer_type *type;
    CHECK_STATUS(wn__optimizer_find("lion", &type), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "lion");
    CHECK_HAS_TEXT(wn_error_message(), "sgd, adam, adamw");
}

enum { BIG = 40000 }; /* over two chunks */

/* A masked weight of several chunks, a bias and a batch-norm scale, all drawn. */
static wn__params some_params(void)
{
    static const int64_t weight[2] = {200, 200}, bias[1] = {200};
    static uint8_t mask[BIG];
    wn__params params = {0};
    wn__rng rng = wn__rng_make(3, WN__FOR_TEST, 0, 0);
    CHECK_OK(wn__params_add(&params, "fc.weight", WN__WEIGHT, 2, weight));
    CHECK_OK(wn__params_add(&params, "fc.bias", WN__BIAS, 1, bias));
    CHECK_OK(wn__params_add(&params, "bn.weight", WN__SCALE, 1, bias));
    CHECK_OK(wn__params_add(&params, "bn.running_mean", WN__MEAN, 1, bias));
    for (int i = 0; i < params.count; i++)
        for (int64_t e = 0; e < params.item[i].stored; e++)
            params.item[i].value[e] = (float)wn__rng_normal(&rng);
    for (int e = 0; e < BIG; e++)
        mask[e] = wn__rng_uniform(&rng) < 0.3f;
    CHECK_OK(wn__param_set_mask(&params.item[0], mask));
    return params;
}

static void draw_gradients(wn__params *params, uint64_t step)
{
    wn__rng rng = wn__rng_make(3, WN__FOR_TEST, 1, step);
    for (int i = 0; i < params->count; i++)
        for (int64_t e = 0; params->item[i].grad && e < params->item[i].stored; e++)
            params->item[i].grad[e] = (float)wn__rng_normal(&rng);
}

static wn__params after_steps(const wn__optimizer *o, int threads)
{
    wn__params params = some_params();
    wn__pool *pool;
    wn__updater *u;
    CHECK_OK(wn__pool_new(threads, &pool));
    CHECK_OK(wn__updater_new(o, &params, pool, &u));
    for (int step = 1; step <= 4; step++) {
        draw_gradients(&params, (uint64_t)step);
        CHECK_OK(wn__updater_step(u, 0.05, step));
    }
    wn__updater_free(u);
    wn__pool_free(pool);
    return params;
}

TEST(every_optimizer_keeps_masked_entries_zero_and_has_the_same_bytes_for_any_threads)
{
    for (int k = 0; wn__optimizers[k]; k++)
        for (int clip = 0; clip < 2; clip++) {
            wn__optimizer o = configure(wn__optimizers[k]->name, (const setting[]){{"weight_decay", "0.01"}, {0}});
            o.clip_norm = clip;
            wn__params one = after_steps(&o, 1), three = after_steps(&o, 3);
            const wn__param *w = &one.item[0];
            for (int64_t e = 0; e < w->stored; e++)
                for (int s = 0; !w->mask[e] && s < WN__SLOTS; s++)
                    CHECK(w->value[e] == 0 && (!w->slot[s] || w->slot[s][e] == 0));
            for (int i = 0; i < one.count; i++)
                CHECK(memcmp(one.item[i].value, three.item[i].value, (size_t)one.item[i].stored * sizeof(float)) == 0);
            wn__params_release(&one);
            wn__params_release(&three);
        }
}

TEST(weight_decay_spares_bn_and_bias_when_told)
{
    const wn__optimizer o =
        configure("sgd", (const setting[]){{"momentum", "0"}, {"weight_decay", "0.5"}, {"decay_bn_and_bias", "false"}, {0}});
    wn__params params = some_params(), before = some_params();
    wn__updater *u;
    CHECK_OK(wn__updater_new(&o, &params, NULL, &u));
    CHECK_OK(wn__updater_step(u, 0.1, 1)); /* gradients are zero */
    for (int i = 0; i < params.count; i++)
        for (int64_t e = 0; e < params.item[i].stored; e++)
            CHECK_NEAR(params.item[i].value[e], before.item[i].value[e] * (i == 0 ? 0.95 : 1), 0, 1e-6);
    wn__updater_free(u);
    wn__params_release(&params);
    wn__params_release(&before);
}

static double gradient_norm(const wn__params *params)
{
    double sum = 0;
    for (int i = 0; i < params->count; i++)
        for (int64_t e = 0; params->item[i].grad && e < params->item[i].stored; e++)
            sum += (double)params->item[i].grad[e] * params->item[i].grad[e];
    return sqrt(sum);
}

TEST(clipping_limits_norm_and_values_over_active_entries)
{
    wn__optimizer o = configure("sgd", (const setting[]){{"momentum", "0"}, {0}});
    wn__params params = some_params();
    wn__updater *u;
    o.clip_norm = 0.25;
    CHECK_OK(wn__updater_new(&o, &params, NULL, &u));
    draw_gradients(&params, 1);
    CHECK_OK(wn__updater_step(u, 0, 1));
    CHECK_NEAR(gradient_norm(&params), 0.25, 0, 1e-5);
    wn__updater_free(u);
    o.clip_norm = 0;
    o.clip_value = 0.5;
    CHECK_OK(wn__updater_new(&o, &params, NULL, &u));
    draw_gradients(&params, 1);
    CHECK_OK(wn__updater_step(u, 0, 1));
    float largest = 0;
    for (int64_t e = 0; e < BIG; e++)
        largest = fmaxf(largest, fabsf(params.item[0].grad[e]));
    CHECK(largest == 0.5f);
    wn__updater_free(u);
    wn__params_release(&params);
}

/* ---- schedules */

TEST(step_schedule_drops_at_its_milestones)
{
    const wn__schedule s = {.kind = WN__SCHEDULE_STEP, .base = 0.1, .factor = 0.1, .milestone = {100, 150}, .milestones = 2, .every = 1};
    CHECK_OK(wn__schedule_check(&s));
    CHECK_NEAR(wn__schedule_rate(&s, 0), 0.1, 0, 0);
    CHECK_NEAR(wn__schedule_rate(&s, 99), 0.1, 0, 0);
    CHECK_NEAR(wn__schedule_rate(&s, 100), 0.01, 0, 1e-12);
    CHECK_NEAR(wn__schedule_rate(&s, 150), 0.001, 0, 1e-12);
}

TEST(cosine_schedule_follows_its_formula_per_step_and_per_epoch)
{
    wn__schedule s = {.kind = WN__SCHEDULE_COSINE, .base = 0.4, .length = 110, .warm_up = 10, .final = 0.1, .every = 1};
    CHECK_OK(wn__schedule_check(&s));
    CHECK_NEAR(wn__schedule_rate(&s, 0), 0.04, 0, 1e-12);
    CHECK_NEAR(wn__schedule_rate(&s, 9), 0.4, 0, 1e-12);
    for (int64_t t = 10; t <= 110; t += 10)
        CHECK_NEAR(wn__schedule_rate(&s, t), 0.4 * (0.1 + 0.45 * (1 + cos(3.14159265358979 * (double)(t - 10) / 100))), 1e-14, 1e-12);
    CHECK_NEAR(wn__schedule_rate(&s, 500), 0.04, 0, 1e-12);
    s.every = 20;
    s.warm_up = 0;
    CHECK_NEAR(wn__schedule_rate(&s, 39), wn__schedule_rate(&s, 20), 0, 0);
    CHECK(wn__schedule_rate(&s, 40) < wn__schedule_rate(&s, 39));
}

TEST(warm_up_rises_as_each_published_code_does)
{
    /* ImageNet KD ticket: lr (e + 1) / 5 per epoch; open_lth: min(1, it / warm-up) per step. */
    wn__schedule s = {.kind = WN__SCHEDULE_CONSTANT, .base = 1, .warm_up = 50, .every = 10};
    CHECK_NEAR(wn__schedule_rate(&s, 0), 0.2, 0, 1e-12);
    CHECK_NEAR(wn__schedule_rate(&s, 19), 0.4, 0, 1e-12);
    CHECK_NEAR(wn__schedule_rate(&s, 50), 1, 0, 0);
    s.every = 1;
    s.warm_up_from_zero = true;
    CHECK_NEAR(wn__schedule_rate(&s, 0), 0, 0, 0);
    CHECK_NEAR(wn__schedule_rate(&s, 25), 0.5, 0, 1e-12);
}

/* Rates at some steps of torch.optim.lr_scheduler. */
static const int64_t asked[10] = {0, 1, 7, 23, 29, 30, 31, 60, 88, 99};

static void check_rates(wn__schedule s, const double want[10])
{
    s.base = 0.4;
    s.every = 1;
    CHECK_OK(wn__schedule_check(&s));
    for (int i = 0; i < 10; i++)
        CHECK_NEAR(wn__schedule_rate(&s, asked[i]), want[i], 1e-14, 1e-12);
}

TEST(schedules_equal_pytorch_s)
{
    static const double
        square[10] = {0.4,
                      0.39204,
                      0.34596000000000005,
                      0.2371600000000002,
                      0.20164000000000015,
                      0.19600000000000015,
                      0.19044000000000011,
                      0.063999999999999987,
                      0.0057599999999999995,
                      4.0000000000000064e-05},
        bent[10] = {0.4,
                    0.39639819336513371,
                    0.37470944921268712,
                    0.31615615704402233,
                    0.29389520818501841,
                    0.29016713877488809,
                    0.28643373955485441,
                    0.17535331622163483,
                    0.059336662199011549,
                    0.0063395727698444633},
        doubled[10] = {0.4, 0.39119017293312769, 0.11419865458735487,  0.13828171004688158, 0.042216098692875223,
                       0.4, 0.39944512007196309, 0.092720779386421454, 0.35687307380800559, 0.29535875275673706},
        again[10] = {0.4, 0.39890437907365467,   0.34862896509547886, 0.051371034904521197, 0.00109562092634532, 0.4, 0.39890437907365467,
                     0.4, 0.0043704798532388624, 0.31755705045849464},
        cycle[10] = {0.016000000000000014, 0.017125512226362993, 0.068608865550758902, 0.36084986861548363,  0.4,
                     0.39980424608701354,  0.39921736754553133,  0.23956102595556669,  0.027538575347652448, 0.00019735391298649518};
    check_rates((wn__schedule){.kind = WN__SCHEDULE_POLYNOMIAL, .length = 100, .power = 2}, square);
    check_rates((wn__schedule){.kind = WN__SCHEDULE_POLYNOMIAL, .length = 100, .power = 0.9}, bent);
    check_rates((wn__schedule){.kind = WN__SCHEDULE_RESTARTS, .period = 10, .growth = 2, .final = 0.1}, doubled);
    check_rates((wn__schedule){.kind = WN__SCHEDULE_RESTARTS, .period = 30, .growth = 1}, again);
    check_rates((wn__schedule){.kind = WN__SCHEDULE_ONE_CYCLE, .length = 101, .peak = 30, .initial = 0.04, .final = 4e-6}, cycle);
}

TEST(schedules_stay_at_their_end)
{
    wn__schedule s = {.kind = WN__SCHEDULE_POLYNOMIAL, .base = 1, .length = 50, .warm_up = 10, .power = 3, .final = 0.25, .every = 1};
    CHECK_NEAR(wn__schedule_rate(&s, 10), 1, 0, 0);
    CHECK_NEAR(wn__schedule_rate(&s, 30), 0.25 + 0.75 / 8, 1e-12, 0);
    CHECK_NEAR(wn__schedule_rate(&s, 50), 0.25, 0, 0);
    CHECK_NEAR(wn__schedule_rate(&s, 5000), 0.25, 0, 0);
    s = (wn__schedule){.kind = WN__SCHEDULE_ONE_CYCLE, .base = 1, .length = 50, .peak = 20, .final = 0.5, .every = 1};
    CHECK_NEAR(wn__schedule_rate(&s, 49), 0.5, 0, 0);
    CHECK_NEAR(wn__schedule_rate(&s, 5000), 0.5, 0, 0);
}

TEST(impossible_schedules_are_refused)
{
    wn__schedule s = {.kind = WN__SCHEDULE_STEP, .base = 0.1, .factor = 0.1, .milestone = {150, 100}, .milestones = 2, .every = 1};
    CHECK_STATUS(wn__schedule_check(&s), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "ascend");
    s = (wn__schedule){.kind = WN__SCHEDULE_CONSTANT, .base = NAN, .every = 1};
    CHECK_STATUS(wn__schedule_check(&s), WN_EUSAGE);
    const wn__schedule wrong[] = {
        {.kind = WN__SCHEDULE_COSINE, .base = 1, .length = 5, .warm_up = 5, .every = 1},
        {.kind = WN__SCHEDULE_POLYNOMIAL, .base = 1, .length = 5, .every = 1},
        {.kind = WN__SCHEDULE_POLYNOMIAL, .base = 1, .length = 5, .power = 1, .final = 2, .every = 1},
        {.kind = WN__SCHEDULE_RESTARTS, .base = 1, .growth = 1, .every = 1},
        {.kind = WN__SCHEDULE_ONE_CYCLE, .base = 1, .length = 5, .peak = 5, .every = 1},
        {.kind = WN__SCHEDULE_ONE_CYCLE, .base = 1, .length = 5, .peak = 1, .every = 1},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        CHECK_STATUS(wn__schedule_check(&wrong[i]), WN_EUSAGE);
}

/* ---- start weights */

static wn__params conv_params(void)
{
    static const int64_t conv[4] = {64, 32, 3, 3}, linear[2] = {100, 400}, bias[1] = {100}, channels[1] = {2000};
    wn__params params = {0};
    CHECK_OK(wn__params_add(&params, "conv.weight", WN__WEIGHT, 4, conv));
    CHECK_OK(wn__params_add(&params, "fc.weight", WN__WEIGHT, 2, linear));
    CHECK_OK(wn__params_add(&params, "fc.bias", WN__BIAS, 1, bias));
    CHECK_OK(wn__params_add(&params, "bn.weight", WN__SCALE, 1, channels));
    CHECK_OK(wn__params_add(&params, "bn.running_var", WN__VARIANCE, 1, channels));
    return params;
}

static double deviation(const wn__param *p)
{
    double sum = 0, squares = 0, n = 0;
    for (int64_t e = 0; e < p->stored; e++) {
        if (p->mask && !p->mask[e]) continue;
        sum += p->value[e];
        squares += (double)p->value[e] * p->value[e];
        n++;
    }
    return sqrt(squares / n - sum / n * (sum / n));
}

TEST(start_weights_have_the_published_deviations)
{
    wn__params params = conv_params();
    const double fan_in = 32 * 9, fan_out = 64 * 9;
    const double conv[] = {sqrt(2 / fan_in), sqrt(2 / fan_out), 1 / sqrt(3 * fan_in), sqrt(2 / (fan_in + fan_out)),
                           sqrt(2 / (fan_in + fan_out))};
    for (int rule = WN__INIT_KAIMING; rule <= WN__INIT_XAVIER_NORMAL; rule++) {
        const wn__init_options o = {.weights = rule, .bn_scale = 1};
        CHECK_OK(wn__init_params(&params, &o, 5));
        CHECK_NEAR(deviation(&params.item[0]), conv[rule], 0, 0.02);
        const bool as_pytorch = rule == WN__INIT_PYTORCH || rule == WN__INIT_KAIMING_FAN_OUT; /* linear layers */
        CHECK_NEAR(deviation(&params.item[2]), as_pytorch ? 1 / sqrt(3.0 * 400) : 0, 1e-12, 0.2);
        CHECK_NEAR(deviation(&params.item[3]), sqrt(1.0 / 12), 0, 0.05); /* U[0,1) */
        CHECK(params.item[4].value[7] == 1);
    }
    CHECK_OK(wn__init_params(&params, &(wn__init_options){0}, 5));
    CHECK(params.item[3].value[0] == 1 && params.item[3].value[1999] == 1);
    wn__params_release(&params);
}

TEST(start_weights_depend_on_seed_and_parameter_alone)
{
    wn__params a = conv_params(), b = conv_params();
    const wn__init_options o = {0};
    CHECK_OK(wn__init_params(&a, &o, 5));
    CHECK_OK(wn__init_params(&b, &o, 6));
    CHECK(memcmp(a.item[0].value, b.item[0].value, 64) != 0);
    CHECK(memcmp(a.item[0].value, a.item[1].value, 64) != 0);
    CHECK_OK(wn__reinit_params(&b, &o, WN__REINIT_SAME, 5));
    CHECK(memcmp(a.item[0].value, b.item[0].value, 64) != 0);
    CHECK_OK(wn__init_params(&b, &o, 5));
    for (int i = 0; i < a.count; i++)
        CHECK(memcmp(a.item[i].value, b.item[i].value, (size_t)a.item[i].stored * sizeof(float)) == 0);
    wn__params_release(&a);
    wn__params_release(&b);
}

TEST(kd_ticket_reinit_scales_with_the_active_fan)
{
    wn__params params = conv_params();
    static uint8_t mask[64 * 32 * 9];
    for (size_t e = 0; e < sizeof mask; e++)
        mask[e] = e % 4 == 0;
    CHECK_OK(wn__param_set_mask(&params.item[0], mask));
    params.item[3].value[0] = 7;
    CHECK_OK(wn__reinit_params(&params, &(wn__init_options){0}, WN__REINIT_KD_TICKET, 1));
    CHECK_NEAR(deviation(&params.item[0]), sqrt(2 / (64 * 9 / 4.0)), 0, 0.03);
    CHECK_NEAR(deviation(&params.item[1]), sqrt(2 / 400.0), 0, 0.03);
    CHECK(params.item[0].value[1] == 0 && params.item[3].value[0] == 1);
    wn__params_release(&params);
}

/* ---- start weights that know which connections there are */

enum { UNITS = 24, INPUTS = 12, FIELD = 9, COLUMNS = INPUTS * FIELD };

/* Output i has about i / UNITS of its connections: the first none, the last all. Input channel 5 is read by nobody. */
static void ragged_mask(uint8_t *mask)
{
    wn__rng rng = wn__rng_make(1, WN__FOR_TEST, 0, 0);
    for (int i = 0; i < UNITS; i++)
        for (int c = 0; c < COLUMNS; c++)
            mask[i * COLUMNS + c] = c / FIELD != 5 && wn__rng_uniform(&rng) < (float)i / (UNITS - 1);
}

static wn__params ragged_params(bool compressed)
{
    static uint8_t mask[UNITS * COLUMNS];
    wn__params params = {0};
    ragged_mask(mask);
    CHECK_OK(wn__params_add(&params, "a.weight", WN__WEIGHT, 4, (const int64_t[]){UNITS, INPUTS, 3, 3}));
    CHECK_OK(wn__params_add(&params, "b.weight", WN__WEIGHT, 2, (const int64_t[]){10, 30}));
    CHECK_OK(wn__param_set_mask(&params.item[0], mask));
    if (compressed) CHECK_OK(wn__params_compress_masked(&params));
    return params;
}

/* Mean of squared pre-activations of each unit over fresh weights and fresh normal inputs. */
static void unit_variances(wn__sparse_init how, double *variance)
{
    enum { DRAWS = 2000 };
    wn__params params = ragged_params(false);
    const wn__param *p = &params.item[0];
    memset(variance, 0, UNITS * sizeof *variance);
    for (int d = 0; d < DRAWS; d++) {
        float x[COLUMNS];
        wn__rng rng = wn__rng_make(2, WN__FOR_TEST, (uint64_t)d, 0);
        for (int c = 0; c < COLUMNS; c++)
            x[c] = (float)wn__rng_normal(&rng);
        CHECK_OK(wn__init_params(&params, &(wn__init_options){0}, (uint64_t)d));
        CHECK_OK(wn__init_sparse(&params, how, 0, false, (uint64_t)d));
        for (int i = 0; i < UNITS; i++) {
            double sum = 0;
            for (int c = 0; c < COLUMNS; c++)
                sum += (double)p->value[i * COLUMNS + c] * x[c];
            variance[i] += sum * sum / DRAWS;
        }
    }
    wn__params_release(&params);
}

static int64_t unit_fan(int unit)
{
    static uint8_t mask[UNITS * COLUMNS];
    int64_t fan = 0;
    ragged_mask(mask);
    for (int c = 0; c < COLUMNS; c++)
        fan += mask[unit * COLUMNS + c];
    return fan;
}

/* 2,000 draws: the deviation of a mean of squares is near 1 / sqrt(1000) = 3.2 %, more for units of few connections. */
TEST(every_unit_has_the_same_variance_whatever_its_connections)
{
    double v[UNITS];
    for (int kind = WN__SPARSE_INIT_IN_NORMAL; kind <= WN__SPARSE_INIT_IN_UNIFORM; kind++) {
        unit_variances((wn__sparse_init)kind, v);
        for (int i = 0; i < UNITS; i++)
            CHECK_NEAR(v[i], unit_fan(i) ? 2 : 0, 0, 0.16);
    }
    unit_variances(WN__SPARSE_INIT_NONE, v); /* kaiming of the dense layer: the sparse units fall short */
    for (int i = 4; i < UNITS; i++)
        CHECK_NEAR(v[i], 2.0 * (double)unit_fan(i) / COLUMNS, 0, 0.16);
    wn__params params = ragged_params(false);
    const double density = (double)params.item[0].active / (double)params.item[0].count;
    wn__params_release(&params);
    unit_variances(WN__SPARSE_INIT_LAYER, v);
    for (int i = 4; i < UNITS; i++)
        CHECK_NEAR(v[i], 2.0 * (double)unit_fan(i) / COLUMNS / density, 0, 0.16);
}

/* The variance of each entry by the definition: fans counted here, from the mask. */
TEST(entries_have_the_variance_of_their_fans)
{
    enum { DRAWS = 3000 };
    static uint8_t mask[UNITS * COLUMNS];
    static double squares[UNITS * COLUMNS];
    ragged_mask(mask);
    for (int kind = WN__SPARSE_INIT_IN_NORMAL; kind <= WN__SPARSE_INIT_AVERAGE_UNIFORM; kind++) {
        wn__params params = ragged_params(false);
        memset(squares, 0, sizeof squares);
        for (int d = 0; d < DRAWS; d++) {
            CHECK_OK(wn__init_sparse(&params, (wn__sparse_init)kind, 1, false, (uint64_t)d));
            for (int e = 0; e < UNITS * COLUMNS; e += 37)
                squares[e] += (double)params.item[0].value[e] * (double)params.item[0].value[e] / DRAWS;
        }
        for (int e = 0; e < UNITS * COLUMNS; e += 37) {
            if (!mask[e]) {
                CHECK_NEAR(squares[e], 0, 0, 0);
                continue;
            }
            double in = 0, out = 0;
            const int unit = e / COLUMNS, channel = e % COLUMNS / FIELD;
            for (int c = 0; c < COLUMNS; c++)
                in += mask[unit * COLUMNS + c];
            for (int i = 0; i < UNITS; i++)
                for (int f = 0; f < FIELD; f++)
                    out += mask[i * COLUMNS + channel * FIELD + f];
            const double fan = kind <= WN__SPARSE_INIT_IN_UNIFORM ? in : kind <= WN__SPARSE_INIT_OUT_UNIFORM ? out : (in + out) / 2;
            CHECK_NEAR(squares[e] * fan, 1, 0, 0.12);
        }
        wn__params_release(&params);
    }
}

TEST(compressed_weights_start_as_masked_ones)
{
    for (int kind = WN__SPARSE_INIT_NONE; kind <= WN__SPARSE_INIT_LAYER; kind++) {
        wn__params masked = ragged_params(false), compressed = ragged_params(true);
        wn__params *both[] = {&masked, &compressed};
        for (int k = 0; k < 2; k++) {
            CHECK_OK(wn__init_params(both[k], &(wn__init_options){0}, 7));
            CHECK_OK(wn__init_sparse(both[k], (wn__sparse_init)kind, 0, false, 7));
        }
        const wn__param *m = &masked.item[0], *c = &compressed.item[0];
        int64_t next = 0;
        for (int64_t e = 0; e < m->stored; e++)
            if (m->mask[e]) CHECK(c->value[next++] == m->value[e] && isfinite(m->value[e]));
        CHECK_EQ_INT(next, c->stored);
        CHECK(memcmp(masked.item[1].value, compressed.item[1].value, 300 * sizeof(float)) == 0);
        wn__params_release(&masked);
        wn__params_release(&compressed);
    }
}

/* A dense layer's fan-in is all of its inputs: the rule is `kaiming` then, to the bit. */
TEST(dense_layers_start_as_kaiming_has_it)
{
    wn__params params = ragged_params(false), plain = ragged_params(false);
    CHECK_OK(wn__init_params(&plain, &(wn__init_options){0}, 3));
    CHECK_OK(wn__init_sparse(&params, WN__SPARSE_INIT_IN_NORMAL, 0, false, 3));
    CHECK(memcmp(params.item[1].value, plain.item[1].value, 300 * sizeof(float)) == 0);
    CHECK_OK(wn__init_sparse(&params, WN__SPARSE_INIT_IN_NORMAL, 0, true, 3));
    CHECK(memcmp(params.item[1].value, plain.item[1].value, 300 * sizeof(float)) != 0);
    wn__params_release(&params);
    wn__params_release(&plain);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(sgd_equals_pytorch),
                                    RUN(adam_equals_pytorch),
                                    RUN(unknown_optimizer_lists_the_valid_ones),
                                    RUN(every_optimizer_keeps_masked_entries_zero_and_has_the_same_bytes_for_any_threads),
                                    RUN(weight_decay_spares_bn_and_bias_when_told),
                                    RUN(clipping_limits_norm_and_values_over_active_entries),
                                    RUN(step_schedule_drops_at_its_milestones),
                                    RUN(cosine_schedule_follows_its_formula_per_step_and_per_epoch),
                                    RUN(warm_up_rises_as_each_published_code_does),
                                    RUN(schedules_equal_pytorch_s),
                                    RUN(schedules_stay_at_their_end),
                                    RUN(impossible_schedules_are_refused),
                                    RUN(start_weights_have_the_published_deviations),
                                    RUN(start_weights_depend_on_seed_and_parameter_alone),
                                    RUN(kd_ticket_reinit_scales_with_the_active_fan),
                                    RUN(every_unit_has_the_same_variance_whatever_its_connections),
                                    RUN(entries_have_the_variance_of_their_fans),
                                    RUN(compressed_weights_start_as_masked_ones),
                                    RUN(dense_layers_start_as_kaiming_has_it),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
