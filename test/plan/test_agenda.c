/* Expansion of recipes into stages, and their identities. */
#include "plan/agenda.h"

#include <unistd.h>

#include "base/alloc.h"
#include "plans.h"
#include "recipe/drawn.h"
#include "sparse/cost.h"
#include "test.h"
#include "winnow/source.h"

/* Identity of the stage with this label, under further settings. */
static void identity_of(const char *label, const char *more, int threads, char identity[WN__SHA256_TEXT])
{
    const char *const list[] = {more, NULL};
    expanded e = expand(list, threads);
    strcpy(identity, find_label(e.plan, label)->identity);
    release(&e);
}

static void check_same(const char *label, const char *more, bool same)
{
    char plain[WN__SHA256_TEXT], other[WN__SHA256_TEXT];
    identity_of(label, NULL, 1, plain);
    identity_of(label, more, 1, other);
    if ((strcmp(plain, other) == 0) != same) WN_TEST_FAIL("%s: identity of \"%s\" %s", more, label, same ? "changed" : "stayed");
}

#define DENSE "dense seed 0"
#define TICKET "lottery-ticket 90% seed 0"
#define KD "kd-ticket 90% seed 0"

TEST(dense_is_trained_once_per_seed)
{
    const char *const more[] = {"compare.seeds=0-2", "compare.methods=[dense, lottery-ticket, weight-rewind, lr-rewind, kd-ticket]", NULL};
    expanded e = expand(more, 1);
    int dense = 0;
    for (int i = 0; i < e.plan->stages; i++)
        dense += strncmp(e.plan->stage[i].label, "dense", 5) == 0;
    CHECK_EQ_INT(dense, 3);
    CHECK_EQ_INT(e.plan->rows, 3 * (1 + 4 * 2));
    CHECK_EQ_INT(count_kind(e.plan, WN__STAGE_TRAIN), 3 * (1 + 4 * 2));
    CHECK_EQ_INT(count_kind(e.plan, WN__STAGE_MASK), 3);     /* one mask for all methods of a seed */
    CHECK_EQ_INT(count_kind(e.plan, WN__STAGE_EVALUATE), 3); /* and one look at it */
    CHECK_EQ_INT(count_kind(e.plan, WN__STAGE_SOFT_LABELS), 3);
    release(&e);
}

TEST(every_method_of_the_table_expands_at_every_sparsity)
{
    char methods[2048] = "compare.methods=[";
    int count = 0, drawn = 0, small = 0, initial = 0,
        gradual = 0, /* sparse from the start: no dense run, no mask of it, no look at what was pruned */
        once = 0,    /* they say their sparsity themselves */
        blocks = 0;  /* they have masks of their own */
    for (const wn__method *m = wn__methods; m->name; m++, count++) {
        drawn += wn__mask_is_drawn(m->axes.mask);
        small += m->axes.mask == WN__MASK_SMALL;
        initial += m->axes.mask == WN__MASK_AT_INIT;
        gradual += m->axes.mask == WN__MASK_GRADUAL || m->axes.mask == WN__MASK_ALTERNATING;
        once += m->axes.mask == WN__MASK_LEARNED || m->axes.mask == WN__MASK_N_OF_M || m->scope == WN__SCOPE_N_OF_M;
        blocks += m->block > 0 || m->axes.mask == WN__MASK_WIDE;
        snprintf(methods + strlen(methods), sizeof methods - strlen(methods), "%s%s", count ? ", " : "", m->name);
    }
    strcat(methods, "]");
    const char *const more[] = {methods, NULL};
    expanded e = expand(more, 1);
    CHECK(count >= 14 && drawn >= 3);
    CHECK_EQ_INT(e.plan->rows, 1 + (count - 1) * 2 - once);
    for (int i = 0; i < e.plan->rows; i++) {
        const wn__agenda_row *row = &e.plan->row[i];
        const int from = e.recipe->row[row->row].axes.mask;
        CHECK_EQ_INT(row->mask >= 0, row->sparsity > 0 && from != WN__MASK_SMALL && from != WN__MASK_GRADUAL && !wn__mask_thins(from));
        const bool dense_first = from == WN__MASK_PRUNED || from == WN__MASK_RANDOM;
        CHECK_EQ_INT(row->evaluate >= 0, row->sparsity > 0 && dense_first);
        CHECK_EQ_INT(e.plan->stage[row->train].train.spec.gradual.last.sparsity > 0, row->sparsity > 0 && from == WN__MASK_GRADUAL);
        CHECK_EQ_INT(e.plan->stage[row->train].train.spec.thinning.kind > 0,
                     from == WN__MASK_LEARNED || (row->sparsity > 0 && wn__mask_thins(from)));
        CHECK_EQ_INT(e.plan->stage[row->train].train.small.config != NULL, row->sparsity > 0 && wn__mask_resizes(from));
    }
    /* Without a mask a random ticket is the lottery ticket, and so is what would be sparse from the start. */
    CHECK_EQ_INT(count_kind(e.plan, WN__STAGE_TRAIN), 1 + (count - 1) * 2 - 2 - drawn - small - initial - gradual - once);
    CHECK_EQ_INT(count_kind(e.plan, WN__STAGE_MASK), 4 + initial + blocks);
    release(&e);
}

/* Where two stages would be called the same, the second says in what it differs. */
TEST(labels_name_one_stage)
{
    const char *const more[] = {
        "compare={methods: [lottery-ticket, random-ticket, layers, dct, kd-lr-rewind, static, fan-in], sparsity: [90%]}",
        "methods={layers: {like: lottery-ticket, mask: {scope: layer}}, dct: {like: lottery-ticket, mask: {basis: "
        "{random: {block: 16}}}}, kd-lr-rewind: {mask: {rounds: 2}}, fan-in: {like: static, mask: {block: fan-in}}}",
        NULL};
    static const char *const labels[] = {"mask 90% seed 0",
                                         "mask 90% (scope layer) seed 0",
                                         "mask 90% (basis kind random) seed 0",
                                         "mask 90% (kd-lr-rewind 68.377223% round 1) seed 0",
                                         "pruned 90% seed 0",
                                         "pruned 90% (random mask 90%) seed 0",
                                         "pruned 90% (mask 90% (scope layer)) seed 0",
                                         "drawn mask erk 90% seed 0",
                                         "drawn mask erk 90% (block fan-in) seed 0"};
    expanded e = expand(more, 1);
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        find_label(e.plan, labels[i]);
    release(&e);
}

TEST(identity_depends_on_what_the_result_depends_on)
{
    static const char *const changes[] = {"data.validation=last-5000",
                                          "data.train_size=1000",
                                          "data.augment=[flip]",
                                          "data.augment=[{flip: {p: 0.4}}]",
                                          "data.augment=[random-erasing]",
                                          "data.evaluate=[{center-crop: 32}]",
                                          "data.normalize=imagenet",
                                          "model.arch=resnet32",
                                          "train.epochs=11",
                                          "train.batch=64",
                                          "train.smoothing=0.1",
                                          "train.clip_norm=1",
                                          "train.init=pytorch",
                                          "train.optimizer=adam",
                                          "dtype=bfloat16",
                                          "data.last_batch=drop",
                                          "train.lr={step: {base: 0.2, at: [5ep]}}",
                                          "train.lr={step: {base: 0.1, at: [4ep]}}",
                                          "train.ema=0.99",
                                          "train.lr={polynomial: {base: 0.1}}",
                                          "train.lr={one-cycle: {base: 0.1}}",
                                          "train.lr={cosine-restarts: {base: 0.1}}"};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        check_same(DENSE, changes[i], false);
        check_same(TICKET, changes[i], false);
    }
}

TEST(identity_does_not_depend_on_what_is_said_elsewhere)
{
    static const char *const changes[] = {"name=other",
                                          "report.margin=1",
                                          "compare.seeds=0-4",
                                          "labels={soft: {T: 4}}",
                                          "compare.sparsity=[90%]",
                                          "mask.scope=layer",
                                          "methods={lottery-ticket: {retrain: 5ep}}",
                                          "memory=2"};
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        check_same(DENSE, changes[i], true);
    check_same(TICKET, "labels={soft: {T: 4}}", true);
    check_same(TICKET, "compare.sparsity=[0.5, 10x, 0%]", true);
    check_same(TICKET, "compare.seeds=[0, 3]", true);
    check_same(KD, "teacher.cache=off", true); /* the cache changes no label */
}

TEST(identity_follows_the_method_and_its_mask)
{
    check_same(TICKET, "mask.scope=layer", false);
    check_same(TICKET, "mask.rule=kd-ticket", false);
    check_same(TICKET, "mask.layers=[all]", false);
    check_same(TICKET, "mask.rounds=2", false);
    check_same(TICKET, "methods={lottery-ticket: {data_order: same-as-dense}}", false);
    check_same(TICKET, "methods={lottery-ticket: {order: 1}}", false);
    check_same(TICKET, "methods={lottery-ticket: {start: redrawn, redraw: 1}}", false);
    check_same(TICKET, "methods={lottery-ticket: {order: 0}}", true);
    check_same(TICKET, "methods={kd-ticket: {retrain: 5ep}}", true);
    check_same(KD, "labels={soft: {T: 4}}", false);
    check_same(KD, "labels={soft: {kl: batchmean}}", false);
    check_same(KD, "labels={soft: {until: 5ep}}", false);
    check_same(KD, "labels={soft: {until: 10ep}}", true); /* the whole run: the same as always */
    check_same(KD, "teacher.dtype=bfloat16", false);
}

#define STATIC "methods={static: {mask: {distribution: "
#define COMPARE_STATIC "compare={methods: [static], sparsity: [90%], seeds: 0}"

/* Identities of the mask and of the training under a change of the row; `mask` and `train`: which of them change. */
static void check_drawn(const char *change, bool mask, bool train)
{
    const char *const plain[] = {COMPARE_STATIC, NULL}, *const more[] = {COMPARE_STATIC, change, NULL};
    expanded a = expand(plain, 1), b = expand(more, 1);
    CHECK_EQ_INT(a.plan->rows, 1);
    CHECK_EQ_INT(b.plan->rows, 1);
    const wn__agenda_row *x = &a.plan->row[0], *y = &b.plan->row[0];
    const bool masks = strcmp(a.plan->stage[x->mask].identity, b.plan->stage[y->mask].identity) != 0;
    const bool trains = strcmp(a.plan->stage[x->train].identity, b.plan->stage[y->train].identity) != 0;
    if (masks != mask || trains != train) WN_TEST_FAIL("%s: mask %d, training %d", change, masks, trains);
    release(&a);
    release(&b);
}

TEST(identity_follows_the_distribution_and_the_start_weights)
{
    check_drawn(STATIC "er}}}", true, true);
    check_drawn(STATIC "{erk: {power: 0.5}}}}}", true, true);
    check_drawn(STATIC "{erk: {counting: total}}}}}", true, true);
    check_drawn(STATIC "{erk: {dense_first: yes}}}}}", true, true);
    check_drawn(STATIC "{erk: {layers: {fc: 0}}}}}}", true, true);
    check_drawn(STATIC "{erk: {flops_budget: 0.2x}}}}}", true, true);
    check_drawn(STATIC "{list: {layers: {'layer*': 90%}}}}}}", true, true);
    check_drawn(STATIC "{erk: {power: 1}}}}}", false, false);
    check_drawn("methods={static: {init: fan-in-normal}}", false, true);
    check_drawn("methods={static: {init: layer-scaled}}", false, true);
    check_drawn("methods={static: {init: dense}}", false, false);
}

/* Does the object `slice` ("": all) of the inputs of the first cell's mask, or of its training, name the corrected rule? */
static bool names_rule(const char *const *more, bool mask, const char *slice)
{
    expanded e = expand(more, 1);
    const wn__agenda_row *row = &e.plan->row[0];
    const json_t *inputs = e.plan->stage[mask ? row->mask : row->train].inputs;
    const json_t *version = json_object_get(slice[0] ? json_object_get(inputs, slice) : inputs, "rule_version");
    CHECK(!version || json_integer_value(version) == 2);
    const bool named = version != NULL;
    release(&e);
    return named;
}

static bool names_rule_of_counts(const char *compare, const char *layers, const char *distribution, bool mask, const char *slice)
{
    char text[3][160];
    snprintf(text[0], sizeof text[0], "compare={methods: [%s}", compare);
    snprintf(text[1], sizeof text[1], "mask.layers=[%s]", layers);
    snprintf(text[2], sizeof text[2], "mask.distribution=%s", distribution);
    return names_rule((const char *const[]){text[0], text[1], text[2], "mask.scope=distribution", NULL}, mask, slice);
}

/* Only where the selection leaves the network's first layer out, and counts of layers follow from it. */
TEST(the_rule_of_dense_first_layers_is_part_of_identities_that_it_changes)
{
    static const char at90[] = "static], sparsity: [90%], seeds: 0", almost_dense[] = "static], sparsity: [0.04%], seeds: 0";
    static const char rest[] = "all, '!first'";
    CHECK(names_rule_of_counts(at90, rest, "uniform", true, ""));
    CHECK(!names_rule_of_counts(at90, rest, "uniform", false, ""));
    CHECK(!names_rule_of_counts(at90, "all", "uniform", true, ""));
    CHECK(!names_rule_of_counts(at90, "all, '!layer1.*'", "uniform", true, ""));
    CHECK(!names_rule_of_counts(at90, rest, "{uniform: {dense_first: no}}", true, ""));
    CHECK(!names_rule_of_counts(at90, rest, "{uniform: {layers: {layer1.0.conv1: 50%}}}", true, ""));
    CHECK(!names_rule_of_counts(at90, rest, "erk", true, ""));
    CHECK(names_rule_of_counts(at90, rest, "{erk: {dense_first: yes}}", true, ""));
    CHECK(!names_rule_of_counts(at90, rest, "{list: {dense_first: yes, layers: {'layer*': 90%}}}", true, ""));
    CHECK(!names_rule_of_counts(almost_dense, "'layer1.*'", "uniform", true, "")); /* 0.0004 x 2304 weights: no zeros under either rule */
    CHECK(names_rule_of_counts("lottery-ticket], sparsity: [90%], seeds: 0", rest, "uniform", true, ""));
    CHECK(names_rule_of_counts("gradual-pruning], sparsity: [90%], seeds: 0", rest, "uniform", false, "gradual"));
    CHECK(names_rule_of_counts("ac-dc], sparsity: [90%], seeds: 0", rest, "uniform", false, "thinning"));
    CHECK(!names_rule_of_counts("ac-dc], sparsity: [90%], seeds: 0", "all", "uniform", false, "thinning"));
}

static bool names_rule_of_shares(const char *method, const char *change)
{
    char compare[80];
    snprintf(compare, sizeof compare, "compare={methods: [%s], sparsity: [90%%], seeds: 0}", method);
    return names_rule((const char *const[]){compare, change, NULL}, false, "topology");
}

/* Only where connections move between layers, and may be more than one of them has room for. */
TEST(the_rule_of_shares_is_part_of_identities_that_it_may_change)
{
    CHECK(!names_rule_of_shares("rigl", "train.epochs=10"));
    CHECK(names_rule_of_shares("rigl-sg", "train.epochs=10"));
    CHECK(names_rule_of_shares("rigl-sm", "train.epochs=10"));
    CHECK(names_rule_of_shares("snfs", "train.epochs=10"));
    CHECK(names_rule_of_shares("dsr", "train.epochs=10"));
    CHECK(names_rule_of_shares("rigl-sg", "methods={rigl-sg: {mask: {from: pruned}}}")); /* masks are not known yet */
    CHECK(!names_rule_of_shares("rigl-sg", "mask.layers=[layer3.1.conv1]"));             /* one layer: its own go back to it */
    CHECK(!names_rule_of_shares("rigl-sg", "mask={distribution: {uniform: {dense_first: no}}, layers: ['layer3.1.*', 'layer3.2.*']}"));
    CHECK(!names_rule_of_shares("rigl-sg", "methods={rigl-sg: {topology: {begin: 75%, end: 75%}}}")); /* no update */
}

/* Whether a change of the recipe changes the mask of a row that is pruned before training. */
static void check_at_init(const char *method, const char *change, bool mask)
{
    char compare[128];
    snprintf(compare, sizeof compare, "compare={methods: [%s], sparsity: [90%%], seeds: 0}", method);
    const char *const plain[] = {compare, NULL}, *const more[] = {compare, change, NULL};
    expanded a = expand(plain, 1), b = expand(more, 1);
    CHECK_EQ_INT(count_kind(a.plan, WN__STAGE_TRAIN), 1); /* nothing dense is trained */
    CHECK_EQ_INT(b.plan->rows, 1);
    const char *x = a.plan->stage[a.plan->row[0].mask].identity, *y = b.plan->stage[b.plan->row[0].mask].identity;
    if ((strcmp(x, y) != 0) != mask) WN_TEST_FAIL("%s, %s: the mask's identity %s", method, change, mask ? "stayed" : "changed");
    release(&a);
    release(&b);
}

static void identity_of_mask(const char *method, const char *data, char identity[WN__SHA256_TEXT])
{
    char compare[100];
    snprintf(compare, sizeof compare, "compare={methods: [%s], sparsity: [90%%], seeds: 0}", method);
    expanded e = expand((const char *const[]){compare, data, NULL}, 1);
    int at = 0;
    while (at < e.plan->stages && e.plan->stage[at].kind != WN__STAGE_MASK)
        at++;
    CHECK(at < e.plan->stages);
    strcpy(identity, e.plan->stage[at].identity);
    release(&e);
}

static int read_nothing(void *user, const wn_source_sample *sample)
{
    (void)user, (void)sample;
    return 1;
}

/* Data of one's own have any shape: masks that neither training nor images have a part in are of the shapes of weights. Those of other sets keep their keys. */
TEST(masks_of_own_data_have_identities_by_their_shape)
{
    static const char *const methods[] = {"rigl", "static", "synflow"};
    wn_source s = {.size = sizeof s,
                   .name = "small",
                   .version = "1",
                   .channels = 3,
                   .height = 32,
                   .width = 32,
                   .outputs = 10,
                   .train_count = 6000,
                   .test_count = 10,
                   .read = read_nothing};
    CHECK_OK(wn_source_register(&s));
    s.name = "many";
    s.outputs = 20;
    CHECK_OK(wn_source_register(&s));
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        char of_cifar[WN__SHA256_TEXT], of_shapes[WN__SHA256_TEXT], small[WN__SHA256_TEXT], many[WN__SHA256_TEXT];
        identity_of_mask(methods[i], "data={set: cifar10, validation: first-5000}", of_cifar);
        identity_of_mask(methods[i], "data={set: shapes}", of_shapes);
        identity_of_mask(methods[i], "data={set: small}", small);
        identity_of_mask(methods[i], "data={set: many}", many);
        CHECK_EQ_TEXT(of_cifar, of_shapes);
        if (strcmp(small, many) == 0) WN_TEST_FAIL("%s: masks for 10 and 20 classes are one", methods[i]);
    }
    CHECK_OK(wn_source_unregister("small"));
    CHECK_OK(wn_source_unregister("many"));
}

TEST(identity_follows_the_score_and_what_it_looks_at)
{
    check_at_init("snip", "train.epochs=11", false);
    check_at_init("snip", "train.optimizer=adam", false);
    check_at_init("snip", "train.init=pytorch", true);
    check_at_init("snip", "data.normalize=imagenet", true);
    check_at_init("snip", "mask.scope=layer", true);
    check_at_init("snip", "methods={snip: {mask: {score: {snip: {samples: 3}}}}}", true);
    check_at_init("snip", "methods={snip: {mask: {score: {snip: {samples: 10}}}}}", false);
    check_at_init("snip", "methods={snip: {mask: {scope: distribution}}}", true);
    check_at_init("snip", "methods={snip: {mask: at-init-random}}", true);
    check_at_init("snip", "methods={snip: {start: redrawn}}", false); /* the old weights' mask */
    check_at_init("grasp", "methods={grasp: {mask: {score: {grasp: {temperature: 1}}}}}", true);
    check_at_init("grasp", "methods={grasp: {mask: {score: {grasp: {keep: highest}}}}}", true);
    check_at_init("synflow", "methods={synflow: {mask: {score: {synflow: {iterations: 1}}}}}", true);
    check_at_init("synflow", "data.normalize=imagenet", false);
    check_at_init("magnitude-at-init", "data.normalize=imagenet", false);
    check_at_init("magnitude-at-init", "train.init=pytorch", true);
}

/* Whether a change of the row changes its training. */
static void check_gradual(const char *change, bool changes)
{
    const char *const compare = "compare={methods: [gradual-pruning], sparsity: [90%], seeds: 0}";
    const char *const plain[] = {compare, NULL}, *const more[] = {compare, change, NULL};
    expanded a = expand(plain, 1), b = expand(more, 1);
    CHECK_EQ_INT(a.plan->stages, 1); /* it is one training */
    const char *x = a.plan->stage[0].identity, *y = b.plan->stage[0].identity;
    if ((strcmp(x, y) != 0) != changes) WN_TEST_FAIL("%s: the identity %s", change, changes ? "stayed" : "changed");
    release(&a);
    release(&b);
}

TEST(identity_follows_gradual_pruning)
{
    check_gradual("mask.gradual.begin=10%", true);
    check_gradual("mask.gradual.interval=101it", true);
    check_gradual("mask.gradual.power=1", true);
    check_gradual("mask.scope=layer", true);
    check_gradual("mask.scope=distribution", true);
    check_gradual("mask.layers=[all]", true);
    check_gradual("compare.sparsity=[91%]", true);
    check_gradual("mask.gradual.end=75%", false);
    check_gradual("mask.rounds=3", false);
}

static void check_thinning(const char *method, const char *change, bool changes)
{
    char compare[128], label[128];
    snprintf(compare, sizeof compare, "compare={methods: [%s], sparsity: [90%%], seeds: 0}", method);
    const char *const plain[] = {compare, NULL}, *const other[] = {compare, change, NULL};
    expanded a = expand(plain, 1), b = expand(other, 1);
    snprintf(label, sizeof label, "%s", a.plan->stage[a.plan->row[0].train].label);
    const bool same = strcmp(a.plan->stage[a.plan->row[0].train].identity, b.plan->stage[b.plan->row[0].train].identity) == 0;
    if (same == changes) WN_TEST_FAIL("%s: identity of \"%s\" %s", change, label, same ? "stayed" : "changed");
    release(&a);
    release(&b);
}

TEST(identity_follows_thresholds_phases_and_groups)
{
    check_thinning("str", "mask.threshold.start=-5", true);
    check_thinning("str", "mask.threshold.decay=0.001", true);
    check_thinning("str", "mask.layers=[all]", false); /* as it is without */
    check_thinning("str", "mask.alternating.begin=11%", false);
    check_thinning("str", "compare.sparsity=[80%]", false); /* it finds its own */
    check_thinning("ac-dc", "mask.alternating.begin=11%", true);
    check_thinning("ac-dc", "mask.alternating.momentum=keeps", true);
    check_thinning("ac-dc", "mask.alternating.final=85%", false);
    check_thinning("ac-dc", "mask.scope=layer", true);
    check_thinning("ac-dc", "mask.scope=n-of-m", true);
    check_thinning("ac-dc", "compare.sparsity=[80%]", true);
    check_thinning("sr-ste", "mask.n_of_m.n=1", true);
    check_thinning("sr-ste", "mask.n_of_m.decay=0.001", true);
    check_thinning("rigl", "mask.block=kernel", true);
    check_thinning("rigl", "methods.rigl={topology: {gamma: 0.5}}", false); /* there is no fan-in to speak of */
    check_thinning("rigl", "methods.rigl={topology: {lambda: 0.5}}", true);
    check_thinning("rigl", "methods.rigl={topology: {half: 50%}}", false);
    check_thinning("srigl", "methods.srigl={topology: {gamma: 0.5}}", true);
    check_thinning("srigl", "methods.srigl={topology: {gamma_of: dense}}", true);
    check_thinning("srigl", "methods.srigl={topology: {criterion: abs-mean}}", false);
    check_thinning("rigl-struct", "methods.rigl-struct={topology: {criterion: abs-mean}}", true);
    check_thinning("rigl-struct", "methods.rigl-struct={mask: {block: filter}}", true);
    check_thinning("mest", "methods.mest={topology: {half: 50%}}", true);
    check_thinning("mest", "methods.mest={topology: {bound: soft}}", true);
    check_thinning("n-of-m", "mask.n_of_m.m=8", true);
    check_thinning("n-of-m", "mask.n_of_m.decay=0.001", false);
    check_thinning("lottery-ticket", "mask.n_of_m.m=8", false);
}

TEST(a_distribution_counts_over_what_is_pruned)
{
    const char *const more[] = {"compare={methods: [snip], sparsity: [90%, 99.99%], seeds: 0}", "mask.scope=distribution", NULL};
    expanded e = expand(more, 1);
    const wn__mask_section *m = &e.recipe->row[e.plan->row[0].row].mask;
    CHECK_EQ_INT(m->patterns, 1);
    CHECK_EQ_TEXT(m->layers[0], "default");
    CHECK_EQ_INT(e.plan->rows, 1);
    CHECK_EQ_INT(e.plan->skips, 1); /* layers would be empty */
    release(&e);
}

/* A budget, a list and a file of densities say the sparsity themselves: their rows stand once. */
TEST(a_budget_of_flops_solves_for_the_sparsity)
{
    const char *const more[] = {"compare={methods: [static, x], sparsity: [80%, 90%], seeds: 0-1}",
                                "methods={x: {like: static, mask: {distribution: {erk: {flops_budget: 0.2x}}}}}", NULL};
    expanded e = expand(more, 1);
    CHECK_EQ_INT(e.plan->rows, 2 * 3);
    int64_t *active = WN_NEW_ARRAY(int64_t, e.recipe->graph->params);
    wn__params params = {0};
    wn__cost cost;
    CHECK_OK(wn__graph_make_params(e.recipe->graph, &params));
    const wn__agenda_row *row = &e.plan->row[2];
    CHECK_OK(wn__drawn_counts(e.recipe->graph, &params, &e.recipe->row[row->row].mask, row->sparsity, 0, active));
    CHECK_OK(wn__cost_of_counts(e.recipe->graph, &params, active, &cost));
    CHECK((double)cost.flops <= 0.2 * (double)cost.dense_flops);
    CHECK((double)cost.flops > 0.199 * (double)cost.dense_flops);
    wn__cost_release(&cost);
    wn__params_release(&params);
    wn__free(active);
    release(&e);
}

TEST(cells_that_cannot_be_are_left_out_visibly)
{
    const char *const more[] = {"compare={methods: [dense, static], sparsity: [90%, 99.99%], seeds: 0-1}", NULL};
    expanded e = expand(more, 1);
    CHECK_EQ_INT(e.plan->rows, 2 * 2);
    CHECK_EQ_INT(e.plan->skips, 1);
    CHECK_NEAR(e.plan->skip[0].sparsity, 0.9999, 0, 0);
    CHECK_HAS_TEXT(e.plan->skip[0].reason, "conv1.weight would be empty");
    release(&e);
}

/* As many parameters as static has, or its FLOPs; a network and an identity of its own. */
/* The LeNets' width came after results were stored. */
TEST(a_later_setting_at_its_default_is_no_part_of_an_identity)
{
    const char *const plain[] = {"data={set: mnist}", "model={arch: lenet5}", NULL},
                      *const one[] = {"data={set: mnist}", "model={arch: lenet5, width: 1}", NULL},
                      *const half[] = {"data={set: mnist}", "model={arch: lenet5, width: 0.5}", NULL};
    expanded a = expand(plain, 1), b = expand(one, 1), c = expand(half, 1);
    CHECK_EQ_TEXT(a.plan->stage[0].identity, b.plan->stage[0].identity);
    CHECK(strcmp(a.plan->stage[0].identity, c.plan->stage[0].identity) != 0);
    const json_t *model = json_object_get(a.plan->stage[0].inputs, "model");
    CHECK_EQ_INT((int)json_object_size(model), 1); /* arch */
    release(&a);
    release(&b);
    release(&c);
}

TEST(small_networks_match_the_sparse_one)
{
    const char *const more[] = {"compare={methods: [static, small-dense, x], sparsity: [80%, 90%], seeds: 0}",
                                "methods={x: {like: small-dense, match: flops}}", NULL};
    expanded e = expand(more, 1);
    CHECK_EQ_INT(e.plan->rows, 6);
    for (int i = 2; i < 6; i++) {
        const wn__stage *stage = &e.plan->stage[e.plan->row[i].train];
        const wn__small_network *s = &stage->train.small;
        wn__stage_network n;
        CHECK_OK(wn__stage_network_open(e.recipe, s, &n));
        const int64_t size = i < 4 ? wn_graph_parameter_count(n.graph) : wn_graph_forward_flops(n.graph);
        CHECK_NEAR(s->width.reached, (double)size / (double)s->wanted, 0, 1e-12);
        CHECK_NEAR(s->width.reached, 1, 0.06, 0);
        CHECK(stage->train.mask < 0);
        CHECK_HAS_TEXT(n.text, "width: 0.");
        wn__stage_network_close(&n);
        for (int j = 0; j < i; j++)
            CHECK(strcmp(e.plan->stage[e.plan->row[j].train].identity, stage->identity) != 0);
    }
    CHECK_NEAR((double)e.plan->stage[e.plan->row[2].train].train.small.wanted, 1578 + 0.2 * 270896, 22, 0); /* 22 layers round up */
    release(&e);
}

/* As large as the dense network, with a mask that is drawn for the larger one; in all else rigl. */
TEST(wide_networks_match_the_dense_one)
{
    const char *const more[] = {"compare={methods: [rigl, big-sparse, x], sparsity: [80%, 90%], seeds: 0}",
                                "methods={x: {like: big-sparse, match: flops}}", NULL};
    expanded e = expand(more, 1);
    CHECK_EQ_INT(e.plan->rows, 6);
    for (int i = 2; i < 6; i++) {
        const wn__stage *stage = &e.plan->stage[e.plan->row[i].train], *mask = &e.plan->stage[e.plan->row[i].mask];
        const wn__small_network *s = &stage->train.small;
        wn__stage_network n;
        wn__params params;
        wn__cost cost;
        CHECK_EQ_INT(s->wanted, i < 4 ? wn_graph_parameter_count(e.recipe->graph) : wn_graph_forward_flops(e.recipe->graph));
        CHECK_OK(wn__stage_network_open(e.recipe, &mask->mask.network, &n));
        CHECK_HAS_TEXT(n.text, "width: ");
        CHECK(s->width.multiplier > 1.5 && mask->mask.drawn && stage->train.spec.rewires);
        CHECK_OK(wn__graph_make_params(n.graph, &params));
        CHECK_OK(wn__drawn_masks(n.graph, &params, &mask->mask.section, mask->mask.sparsity, 0));
        CHECK_OK(wn__cost_make(n.graph, &params, &cost));
        CHECK_NEAR(s->width.reached, (double)(i < 4 ? cost.active : cost.flops) / (double)s->wanted, 0, 1e-12);
        CHECK_NEAR(s->width.reached, 1, 0.06, 0);
        wn__cost_release(&cost);
        wn__params_release(&params);
        wn__stage_network_close(&n);
        for (int j = 0; j < i; j++) {
            CHECK(strcmp(e.plan->stage[e.plan->row[j].train].identity, stage->identity) != 0);
            CHECK(strcmp(e.plan->stage[e.plan->row[j].mask].identity, mask->identity) != 0);
        }
    }
    release(&e);
}

TEST(two_ways_of_writing_give_one_identity)
{
    check_same(DENSE, "train={steps: 3520, lr: {step: {base: 1e-1, at: [50%]}}, optimizer: sgd}", true);
    check_same(TICKET, "compare.sparsity=[0.1d]", true);
    check_same(TICKET, "methods={lottery-ticket: {start: rewound, rewind: 0it}}", true);
    check_same(TICKET, "methods={lottery-ticket: {retrain: 100%}}", true);
    check_same(TICKET, "mask.layers=[]", true);
}

TEST(threads_never_count)
{
    char one[WN__SHA256_TEXT], two[WN__SHA256_TEXT];
    identity_of(DENSE, NULL, 1, one);
    identity_of(DENSE, NULL, 2, two);
    CHECK_EQ_TEXT(two, one);
    if (!wn__backend_find("onednn")) return;
    expanded e = expand(NULL, 1);
    wn__agenda *plan[2];
    for (int i = 0; i < 2; i++) {
        const wn__machine machine = {.backend = wn__backend_find("onednn"), .threads = i + 1};
        CHECK_OK(wn__agenda_make(e.recipe, &machine, &plan[i]));
    }
    CHECK_EQ_TEXT(plan[0]->stage[0].identity, plan[1]->stage[0].identity);
    wn__agenda_free(plan[0]);
    wn__agenda_free(plan[1]);
    release(&e);
}

static const char *backend_of(const wn__agenda *plan, const char *label)
{
    return json_string_value(json_object_get(find_label(plan, label)->inputs, "backend"));
}

/* Dense networks and teachers run on the best of the build, masked networks on stored entries; with bfloat16 all run on the one. */
TEST(a_row_may_have_a_backend_of_its_own)
{
    const char *const more[] = {"methods.kd-ticket.backend=sparse", NULL};
    expanded e = expand(more, 1);
    CHECK_EQ_TEXT(backend_of(e.plan, TICKET), "ref");
    CHECK_EQ_TEXT(backend_of(e.plan, KD), "sparse");
    const json_t *labels = json_object_get(find_label(e.plan, KD)->inputs, "labels");
    CHECK_EQ_TEXT(json_string_value(json_object_get(labels, "teacher_backend")), "ref");
    release(&e);
    check_same(TICKET, "methods.kd-ticket.backend=sparse", true);
    check_same(KD, "methods.kd-ticket.backend=sparse", false);
    check_same(KD, "methods.kd-ticket.backend=ref", true);
}

TEST(auto_chooses_a_backend_for_each_stage)
{
    const char *dense = wn__backends[0]->name;
    if (!wn__backend_find("onednn")) return;
    expanded e = expand(NULL, 1);
    for (int i = 0; i < 2; i++) {
        wn__machine machine;
        wn__agenda *plan;
        CHECK_OK(wn__machine_choose("auto", i ? WN__BF16 : WN__F32, 1, &machine));
        CHECK_EQ_TEXT(wn__machine_name(&machine), i ? dense : "auto");
        CHECK_OK(wn__agenda_make(e.recipe, &machine, &plan));
        const char *sparse = i ? dense : "sparse";
        CHECK_EQ_TEXT(backend_of(plan, "dense seed 0"), dense);
        CHECK_EQ_TEXT(backend_of(plan, "lottery-ticket 90% seed 0"), sparse);
        const json_t *labels = json_object_get(find_label(plan, "kd-ticket 90% seed 0")->inputs, "labels");
        const char *teacher = json_string_value(json_object_get(labels, "teacher_backend"));
        if (i)
            CHECK(teacher == NULL); /* as the stage's own */
        else
            CHECK_EQ_TEXT(teacher, dense);
        for (int s = 0; s < plan->stages; s++)
            if (plan->stage[s].kind == WN__STAGE_EVALUATE)
                CHECK_EQ_TEXT(json_string_value(json_object_get(plan->stage[s].inputs, "backend")), sparse);
        wn__agenda_free(plan);
    }
    release(&e);
}

TEST(seeds_have_streams_of_their_own)
{
    uint64_t seen[4][4];
    for (int seed = 0; seed < 4; seed++)
        for (int s = 0; s < 4; s++) {
            seen[seed][s] = wn__stream_seed((uint64_t)seed, (wn__stream)s, 0);
            CHECK(wn__stream_seed((uint64_t)seed, (wn__stream)s, 1) != seen[seed][s]);
            for (int i = 0; i < seed * 4 + s; i++)
                CHECK(seen[i / 4][i % 4] != seen[seed][s]);
        }
    char first[WN__SHA256_TEXT];
    const char *const more[] = {"compare.seeds=0-1", NULL};
    expanded e = expand(more, 1);
    strcpy(first, find_label(e.plan, TICKET)->identity);
    CHECK(strcmp(first, find_label(e.plan, "lottery-ticket 90% seed 1")->identity) != 0);
    release(&e);
}

/* All times of a row's schedules are so many times as late, but how often the mask changes. */
TEST(a_stretched_row_is_longer_with_all_of_its_schedules)
{
    const char *const more[] = {"compare={methods: [rigl, rigl-2x, gradual-pruning, gradual-2x, kd-2x], sparsity: [90%]}",
                                "train.lr={step: {base: 0.1, warm_up: 1ep, at: [5ep]}}",
                                "methods={rigl: {topology: {end: 1000it}}, rigl-2x: {like: rigl, stretch: 2}, gradual-2x: {like: "
                                "gradual-pruning, stretch: 2}, kd-2x: {like: kd-ticket, stretch: 2, labels: {soft: {until: 5ep}}}}",
                                NULL};
    expanded e = expand(more, 1);
    const wn__train_plan *one = &find_label(e.plan, "rigl 90% seed 0")->train, *two = &find_label(e.plan, "rigl-2x 90% seed 0")->train;
    CHECK_EQ_INT(one->spec.last, 3520);
    CHECK_EQ_INT(two->spec.last, 7040);
    CHECK_EQ_INT(two->spec.schedule.milestone[0], 2 * one->spec.schedule.milestone[0]);
    CHECK_EQ_INT(two->spec.schedule.warm_up, 2 * 352);
    CHECK_EQ_INT(one->spec.rewiring.end, 1000);
    CHECK_EQ_INT(two->spec.rewiring.end, 2000);
    CHECK_EQ_INT(two->spec.rewiring.interval, one->spec.rewiring.interval);
    CHECK_EQ_INT(two->mask, one->mask);
    one = &find_label(e.plan, "gradual-pruning 90% seed 0")->train, two = &find_label(e.plan, "gradual-2x 90% seed 0")->train;
    CHECK_EQ_INT(two->spec.gradual.when.begin, 2 * one->spec.gradual.when.begin);
    CHECK_EQ_INT(two->spec.gradual.when.end, 2 * one->spec.gradual.when.end);
    CHECK_EQ_INT(two->spec.gradual.when.interval, one->spec.gradual.when.interval);
    two = &find_label(e.plan, "kd-2x 90% seed 0")->train;
    CHECK_EQ_INT(two->spec.soft_until, 2 * 5 * 352);
    CHECK_EQ_INT(find_label(e.plan, DENSE)->train.spec.last, 3520);
    release(&e);
}

TEST(rewinding_keeps_the_state_and_the_rest_of_the_schedule)
{
    const char *const more[] = {"compare={methods: [weight-rewind, kd-weight-rewind], sparsity: [90%]}",
                                "methods={weight-rewind: {rewind: 2ep}, kd-weight-rewind: {retrain: 7ep}}", NULL};
    expanded e = expand(more, 1);
    const wn__train_plan *t = &find_label(e.plan, "weight-rewind 90% seed 0")->train;
    CHECK_EQ_INT(t->spec.first, 704);
    CHECK_EQ_INT(t->spec.last, 3520);
    CHECK_EQ_INT(t->start_step, 704);
    t = &find_label(e.plan, "kd-weight-rewind 90% seed 0")->train;
    CHECK_EQ_INT(t->spec.first, 3 * 352); /* a length alone: so long before the end */
    CHECK_EQ_INT(t->start_step, 3 * 352);
    const wn__train_plan *dense = &find_label(e.plan, DENSE)->train;
    CHECK_EQ_INT(dense->spec.keeps, 2);
    CHECK_EQ_INT(dense->spec.keep[0], 704);
    CHECK_EQ_INT(dense->spec.keep[1], 3 * 352);
    release(&e);
}

TEST(constant_schedule_is_the_last_rate)
{
    const char *const more[] = {"compare={methods: [fine-tune], sparsity: [90%]}", NULL};
    expanded e = expand(more, 1);
    const wn__train_plan *t = &find_label(e.plan, "fine-tune 90% seed 0")->train;
    CHECK_EQ_INT(t->spec.schedule.kind, WN__SCHEDULE_CONSTANT);
    CHECK_NEAR(t->spec.schedule.base, 0.01, 1e-12, 0);
    CHECK_EQ_INT(t->spec.last - t->spec.first, 3520);
    release(&e);
}

TEST(continued_data_start_where_the_dense_run_ended)
{
    const char *const more[] = {"methods={lottery-ticket: {data_order: continue}}", NULL};
    expanded e = expand(more, 1);
    const wn__train_plan *t = &find_label(e.plan, TICKET)->train;
    CHECK(t->dense_stream);
    CHECK_EQ_INT(t->spec.first + t->spec.data_offset, 3520);
    release(&e);
}

TEST(one_chain_for_all_methods_with_a_shared_inner_rule)
{
    const char *const more[] = {"compare={methods: [lottery-ticket, kd-ticket], sparsity: [36%, 48.8%]}",
                                "mask={rate: 0.2, inner: weight-rewind}", NULL};
    expanded e = expand(more, 1);
    CHECK_EQ_INT(count_kind(e.plan, WN__STAGE_MASK), 3); /* 20, 36, 48.8 % */
    /* dense, two inner rounds, of which the lottery ticket at 36 % is one (initial weights, hard labels), and three more rows */
    CHECK_EQ_INT(count_kind(e.plan, WN__STAGE_TRAIN), 1 + 2 + 3);
    CHECK_EQ_INT(e.plan->row[1].rounds, 3);
    CHECK_EQ_INT(e.plan->row[0].rounds, 2);
    release(&e);
}

TEST(own_chains_retrain_by_their_own_rule)
{
    const char *const more[] = {"compare={methods: [lottery-ticket, kd-ticket], sparsity: [36%]}", "mask={rounds: 2}", NULL};
    expanded e = expand(more, 1);
    CHECK_EQ_INT(count_kind(e.plan, WN__STAGE_MASK), 1 + 2); /* the first round is one for both */
    CHECK_EQ_INT(count_kind(e.plan, WN__STAGE_TRAIN), 1 + 2 + 2);
    const wn__stage *inner = find_label(e.plan, "kd-ticket 20% round 1 seed 0");
    CHECK(inner->train.spec.loss.soft);
    release(&e);
}

TEST(soft_labels_are_cached_for_several_users_only)
{
    const char *const one[] = {"compare={methods: [kd-ticket], sparsity: [90%]}", NULL};
    const char *const forced[] = {"compare={methods: [kd-ticket], sparsity: [90%]}", "teacher.cache=on", NULL};
    const char *const off[] = {"compare={methods: [kd-ticket], sparsity: [80%, 90%]}", "teacher.cache=off", NULL};
    const char *const streams[] = {"compare={methods: [kd-ticket, kd-reinit], sparsity: [80%, 90%]}",
                                   "methods={kd-reinit: {data_order: same-as-dense}}", NULL};
    const char *const orders[] = {streams[0], "methods={kd-reinit: {order: 1}}", NULL};
    const char *const *const recipes[] = {one, forced, off, streams, orders};
    static const int want[] = {0, 1, 0, 2, 2};
    for (int i = 0; i < 5; i++) {
        expanded e = expand(recipes[i], 1);
        CHECK_EQ_INT(count_kind(e.plan, WN__STAGE_SOFT_LABELS), want[i]);
        release(&e);
    }
}

TEST(cache_covers_the_epochs_that_are_read)
{
    const char *const more[] = {"compare={methods: [kd-weight-rewind], sparsity: [80%, 90%]}",
                                "methods={kd-weight-rewind: {rewind: 3ep, labels: {soft: {until: 8ep}}}}", NULL};
    expanded e = expand(more, 1);
    const wn__stage *cache = find_label(e.plan, "soft labels seed 0");
    CHECK_EQ_INT(cache->cache.first_epoch, 3);
    CHECK_EQ_INT(cache->cache.end_epoch, 8);
    release(&e);
}

static void check_resolved(const char *const *more)
{
    expanded e = expand(more, 1), again = {0};
    wn__text text = {0};
    CHECK_OK(wn__recipe_write(e.recipe, &text));
    char path[64];
    snprintf(path, sizeof path, "/tmp/winnow-resolved-%d.yaml", (int)getpid());
    FILE *file = fopen(path, "w");
    CHECK(file && fputs(text.data, file) >= 0 && fclose(file) == 0);
    wn__text_release(&text);
    const wn__recipe_source source = {.path = path};
    const wn_status status = wn__recipe_read(&source, &again.recipe);
    unlink(path);
    CHECK_OK(status);
    CHECK_OK(wn__agenda_make(again.recipe, &e.plan->machine, &again.plan));
    CHECK_EQ_INT(again.plan->stages, e.plan->stages);
    for (int i = 0; i < e.plan->stages; i++) {
        CHECK_EQ_TEXT(again.plan->stage[i].identity, e.plan->stage[i].identity);
        CHECK_EQ_TEXT(again.plan->stage[i].label, e.plan->stage[i].label);
    }
    release(&e);
    release(&again);
}

TEST(resolved_recipe_expands_to_the_same_stages)
{
    const char *const many[] = {
        "compare={methods: [dense, weight-rewind, kd-ticket, kd-lr-rewind, smooth-ticket, random-ticket, x, y, z], "
        "sparsity: [0%, 67.232%], seeds: 0-1}",
        "mask={rate: 0.2, layers: [all, \"!fc*\"]}",
        "methods={x: {like: kd-weight-rewind, retrain: 33%, mask: {scope: layer}}, "
        "y: {like: rigl, init: fan-average-uniform, mask: {distribution: {erk: {flops_budget: 0.3x, layers: {'*3*': 50%}}}}}, "
        "z: {like: static, mask: {distribution: {list: {layers: {'*': 0.5, conv1.weight: 0}}}}}}",
        "labels={soft: {until: 60%}}", NULL};
    const char *const origins[] = {"compare={methods: [lottery-ticket, y], sparsity: [90%]}", /* rows that these come from, and no others */
                                   "methods={dense: {labels: smooth}, x: {like: static, order: 1}, y: {like: lr-rewind, mask: {of: x}}, "
                                   "z: {like: static}}",
                                   NULL};
    check_resolved(many);
    check_resolved(origins);
}

TEST(expansion_survives_every_failed_allocation)
{
    expanded e = expand(NULL, 1);
    wn__agenda *plan = NULL;
    wn_status status = WN_ENOMEM;
    for (int n = 1; status != WN_OK && n < 1000; n++) {
        wn__alloc_fail_at(n);
        status = wn__agenda_make(e.recipe, &e.plan->machine, &plan);
        wn__alloc_fail_at(0);
        if (status != WN_OK) CHECK_EQ_INT(status, WN_ENOMEM);
    }
    CHECK_OK(status);
    wn__agenda_free(plan);
    release(&e);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(dense_is_trained_once_per_seed),
                                    RUN(every_method_of_the_table_expands_at_every_sparsity),
                                    RUN(labels_name_one_stage),
                                    RUN(identity_depends_on_what_the_result_depends_on),
                                    RUN(identity_does_not_depend_on_what_is_said_elsewhere),
                                    RUN(identity_follows_the_method_and_its_mask),
                                    RUN(identity_follows_the_distribution_and_the_start_weights),
                                    RUN(the_rule_of_dense_first_layers_is_part_of_identities_that_it_changes),
                                    RUN(the_rule_of_shares_is_part_of_identities_that_it_may_change),
                                    RUN(masks_of_own_data_have_identities_by_their_shape),
                                    RUN(identity_follows_the_score_and_what_it_looks_at),
                                    RUN(identity_follows_gradual_pruning),
                                    RUN(identity_follows_thresholds_phases_and_groups),
                                    RUN(a_distribution_counts_over_what_is_pruned),
                                    RUN(a_later_setting_at_its_default_is_no_part_of_an_identity),
                                    RUN(small_networks_match_the_sparse_one),
                                    RUN(wide_networks_match_the_dense_one),
                                    RUN(a_budget_of_flops_solves_for_the_sparsity),
                                    RUN(cells_that_cannot_be_are_left_out_visibly),
                                    RUN(two_ways_of_writing_give_one_identity),
                                    RUN(threads_never_count),
                                    RUN(auto_chooses_a_backend_for_each_stage),
                                    RUN(a_row_may_have_a_backend_of_its_own),
                                    RUN(seeds_have_streams_of_their_own),
                                    RUN(a_stretched_row_is_longer_with_all_of_its_schedules),
                                    RUN(rewinding_keeps_the_state_and_the_rest_of_the_schedule),
                                    RUN(constant_schedule_is_the_last_rate),
                                    RUN(continued_data_start_where_the_dense_run_ended),
                                    RUN(one_chain_for_all_methods_with_a_shared_inner_rule),
                                    RUN(own_chains_retrain_by_their_own_rule),
                                    RUN(soft_labels_are_cached_for_several_users_only),
                                    RUN(cache_covers_the_epochs_that_are_read),
                                    RUN(resolved_recipe_expands_to_the_same_stages),
                                    RUN(expansion_survives_every_failed_allocation),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
