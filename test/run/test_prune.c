/* One way to prune: every value of every key of the section `mask`, through winnow prune and through a mask stage of a recipe, from the same trained
 * weights. A key or a choice without a decision in the table below fails the first test. And keys of --set that single steps do not look at. */
#include "io/safetensors.h"
#include "plan/agenda.h"
#include "run/context.h"
#include "run/stage.h"
#include "scratch_folder.h"
#include "winnow/experiment.h"
#include "winnow/lab.h"
#include "winnow/shrink.h"

enum { SEED = 3, MOST = 200 };

typedef enum verdict {
    OTHER,  /* the masks of the recipe's stage, and others than without the key */
    SAME,   /* the masks of the recipe's stage, and the same as without the key: it is the default */
    REFUSED /* by name */
} verdict;

typedef struct decision {
    const char *key, *value; /* below `mask`, without the name of score, basis or distribution */
    verdict verdict;
    const char *set;      /* all that is set, "KEY=VALUE;..."; NULL: KEY=VALUE */
    const char *base;     /* the same without the key; NULL: nothing, masks by magnitude */
    const char *sparsity; /* NULL: 80% */
} decision;

#define SNIP "score={snip: {samples: 2}}"
#define GRASP "score={grasp: {samples: 1}}"
#define SPREAD "scope=distribution"
#define GROUPS "scope=n-of-m"
#define FITS "layers=[default, '!first']"
static const decision decisions[] = {
    {"score", "magnitude", SAME, 0, 0, 0},
    {"score", "random", OTHER, 0, 0, 0},
    {"score", "snip", OTHER, 0, 0, 0},
    {"score", "grasp", OTHER, 0, 0, 0},
    {"score", "synflow", OTHER, 0, 0, 0},
    {"score.snip.samples", "3", OTHER, "score={snip: {samples: 3}}", SNIP, 0},
    {"score.snip.mode", "training", SAME, "score={snip: {samples: 2, mode: training}}", SNIP, 0},
    {"score.snip.mode", "evaluation", OTHER, "score={snip: {samples: 2, mode: evaluation}}", SNIP, 0},
    {"score.snip.iterations", "3", OTHER, "score={snip: {samples: 2, iterations: 3}}", SNIP, 0},
    {"score.snip.steps", "exponential", SAME, "score={snip: {samples: 2, iterations: 3, steps: exponential}}",
     "score={snip: {samples: 2, iterations: 3}}", 0},
    {"score.snip.steps", "linear", OTHER, "score={snip: {samples: 2, iterations: 3, steps: linear}}",
     "score={snip: {samples: 2, iterations: 3}}", 0},
    {"score.snip.steps", "linear", REFUSED, "score={snip: {samples: 2, steps: linear}}", 0, 0},
    {"score.grasp.samples", "3", OTHER, "score={grasp: {samples: 3}}", GRASP, 0},
    {"score.grasp.mode", "training", SAME, "score={grasp: {samples: 1, mode: training}}", GRASP, 0},
    {"score.grasp.mode", "evaluation", OTHER, "score={grasp: {samples: 1, mode: evaluation}}", GRASP, 0},
    {"score.grasp.temperature", "1", OTHER, "score={grasp: {samples: 1, temperature: 1}}", GRASP, 0},
    {"score.grasp.keep", "lowest", SAME, "score={grasp: {samples: 1, keep: lowest}}", GRASP, 0},
    {"score.grasp.keep", "highest", OTHER, "score={grasp: {samples: 1, keep: highest}}", GRASP, 0},
    {"score.grasp.keep", "largest", OTHER, "score={grasp: {samples: 1, keep: largest}}", GRASP, 0},
    {"score.grasp.iterations", "2", OTHER, "score={grasp: {samples: 1, iterations: 2}}", GRASP, 0},
    {"score.grasp.steps", "exponential", SAME, "score={grasp: {samples: 1, iterations: 2, steps: exponential}}",
     "score={grasp: {samples: 1, iterations: 2}}", 0},
    {"score.grasp.steps", "linear", OTHER, "score={grasp: {samples: 1, iterations: 2, steps: linear}}",
     "score={grasp: {samples: 1, iterations: 2}}", 0},
    {"score.synflow.iterations", "1", OTHER, "score={synflow: {iterations: 1}}", "score=synflow", 0},
    {"score.synflow.steps", "exponential", SAME, "score={synflow: {steps: exponential}}", "score=synflow", 0},
    {"score.synflow.steps", "linear", OTHER, "score={synflow: {iterations: 3, steps: linear}}", "score={synflow: {iterations: 3}}", 0},
    {"basis", "canonical", SAME, 0, 0, 0},
    {"basis", "dct", OTHER, 0, 0, 0},
    {"basis", "haar", OTHER, "basis=haar;" FITS, FITS, 0},
    {"basis", "random", OTHER, 0, 0, 0},
    {"basis", "svd", OTHER, 0, 0, 0},
    {"basis", "low-rank", OTHER, 0, 0, 0},
    {"basis", "units", OTHER, 0, 0, 0},
    {"basis.dct.over", "taps", SAME, "basis={dct: {over: taps}}", "basis=dct", 0},
    {"basis.dct.over", "channels", OTHER, "basis={dct: {over: channels}}", "basis=dct", 0},
    {"basis.dct.over", "both", OTHER, "basis={dct: {over: both}}", "basis=dct", 0},
    {"basis.haar.over", "taps", OTHER, "basis={haar: {over: taps}};layers=[conv2]", "basis=haar;layers=[conv2]", 0},
    {"basis.haar.over", "channels", SAME, "basis={haar: {over: channels}};" FITS, "basis=haar;" FITS, 0},
    {"basis.haar.over", "both", OTHER, "basis={haar: {over: both}};layers=[conv2]", "basis=haar;layers=[conv2]", 0},
    {"basis.haar.unfit", "error", SAME, "basis={haar: {unfit: error}};" FITS, "basis=haar;" FITS, 0},
    {"basis.haar.unfit", "leave", OTHER, "basis={haar: {unfit: leave}}", 0, 0}, /* without it nothing fits */
    {"basis.random.block", "16", OTHER, "basis={random: {block: 16}}", "basis=random", 0},
    {"basis.random.seed", "1", OTHER, "basis={random: {seed: 1}}", "basis=random", 0},
    {"basis.units.score", "l2", SAME, "basis={units: {score: l2}}", "basis=units", 0},
    {"basis.units.score", "l1", OTHER, "basis={units: {score: l1}}", "basis=units", 0},
    {"basis.units.score", "gamma", OTHER, "basis={units: {score: gamma}}", "basis=units", 0},
    {"basis.units.links", "inside", SAME, "basis={units: {links: inside}}", "basis=units", 0},
    {"basis.units.links", "tied", OTHER, "basis={units: {links: tied}}", "basis=units", 0},
    {"layers", "[conv2]", OTHER, 0, 0, 0},
    {"scope", "global", SAME, 0, 0, 0},
    {"scope", "layer", OTHER, 0, 0, 0},
    {"scope", "distribution", OTHER, 0, 0, 0},
    {"scope", "n-of-m", OTHER, 0, 0, 0},
    {"rule", "exact", SAME, 0, 0, 0},
    {"rule", "kd-ticket", OTHER, 0, 0, "50%"},
    {"rule", "open-lth", OTHER, 0, 0, 0},
    {"empty", "warn", SAME, 0, 0, 0},
    {"empty", "keep-one", OTHER, 0, 0, "99.8%"},
    {"rounds", "1", SAME, 0, 0, 0},
    {"rounds", "5", REFUSED, 0, 0, 0},
    {"rate", "0.2", REFUSED, 0, 0, 0},
    {"inner", "own", REFUSED, 0, 0, 0},
    {"inner", "weight-rewind", REFUSED, 0, 0, 0},
    {"rewind", "1ep", REFUSED, 0, 0, 0},
    {"shuffle", "layer", OTHER, 0, 0, 0},
    {"shuffle", "global", OTHER, 0, 0, 0},
    {"shuffle", "even", OTHER, 0, 0, 0},
    {"block", "weight", SAME, 0, 0, 0},
    {"block", "kernel", REFUSED, 0, 0, 0},
    {"block", "filter", REFUSED, 0, 0, 0},
    {"block", "fan-in", REFUSED, 0, 0, 0},
    {"file", "@", OTHER, 0, 0, 0},
    {"of", "lottery-ticket", REFUSED, 0, 0, 0},
    {"distribution", "erk", SAME, "distribution=erk;" SPREAD, SPREAD, 0},
    {"distribution", "er", OTHER, "distribution=er;" SPREAD, SPREAD, 0},
    {"distribution", "uniform", OTHER, "distribution=uniform;" SPREAD, SPREAD, 0},
    {"distribution", "random", OTHER, "distribution=random;" SPREAD, SPREAD, 0},
    {"distribution", "list", OTHER, "distribution={list: {layers: {conv2: 95%}}};" SPREAD, SPREAD, 0},
    {"distribution", "file", OTHER, "distribution={file: {file: @}};" SPREAD, SPREAD, 0},
    {"distribution", "er", REFUSED, 0, 0, 0},
    {"distribution.power", "0.5", OTHER, "distribution={erk: {power: 0.5}};" SPREAD, SPREAD, 0},
    {"distribution.power", "0.5", REFUSED, "distribution={uniform: {power: 0.5}};" SPREAD, 0, 0},
    {"distribution.dense_first", "auto", SAME, "distribution={erk: {dense_first: auto}};" SPREAD, SPREAD, 0},
    {"distribution.dense_first", "no", SAME, "distribution={erk: {dense_first: no}};" SPREAD, SPREAD, 0},
    {"distribution.dense_first", "yes", OTHER, "distribution={er: {dense_first: yes}};" SPREAD, "distribution=er;" SPREAD, 0},
    {"distribution.counting", "layer", SAME, "distribution={erk: {counting: layer}};" SPREAD, SPREAD, 0},
    {"distribution.counting", "total", OTHER, "distribution={erk: {counting: total}};" SPREAD, SPREAD, 0},
    {"distribution.counting", "drawn", OTHER, "distribution={erk: {counting: drawn}};" SPREAD, SPREAD, 0},
    {"distribution.counting", "drawn", REFUSED, "distribution={random: {counting: drawn}};" SPREAD, 0, 0},
    {"distribution.flops_budget", "0.3x", OTHER, "distribution={erk: {flops_budget: 0.3x}};" SPREAD, SPREAD, 0},
    {"distribution.file", "@", OTHER, "distribution={file: {file: @}};" SPREAD, SPREAD, 0},
    {"distribution.file", "@", REFUSED, "distribution={erk: {file: @}};" SPREAD, 0, 0},
    {"distribution.layers", "50%", OTHER, "distribution={erk: {layers: {conv2: 50%}}};" SPREAD, SPREAD, 0},
    {"gradual", "{}", REFUSED, 0, 0, 0},
    {"gradual.begin", "1it", REFUSED, 0, 0, 0},
    {"gradual.end", "50%", REFUSED, 0, 0, 0},
    {"gradual.interval", "1it", REFUSED, 0, 0, 0},
    {"gradual.power", "1", REFUSED, 0, 0, 0},
    {"gradual.initial", "0.5", REFUSED, 0, 0, 0},
    {"gradual.pruned", "stay", REFUSED, 0, 0, 0},
    {"gradual.pruned", "return", REFUSED, 0, 0, 0},
    {"threshold", "{}", REFUSED, 0, 0, 0},
    {"threshold.start", "-100", REFUSED, 0, 0, 0},
    {"threshold.decay", "0.1", REFUSED, 0, 0, 0},
    {"alternating", "{}", REFUSED, 0, 0, 0},
    {"alternating.begin", "1it", REFUSED, 0, 0, 0},
    {"alternating.sparse", "1it", REFUSED, 0, 0, 0},
    {"alternating.dense", "1it", REFUSED, 0, 0, 0},
    {"alternating.last_dense", "50%", REFUSED, 0, 0, 0},
    {"alternating.final", "60%", REFUSED, 0, 0, 0},
    {"alternating.momentum", "reset", REFUSED, 0, 0, 0},
    {"alternating.momentum", "keeps", REFUSED, 0, 0, 0},
    {"n_of_m", "{}", SAME, "n_of_m={};" GROUPS, GROUPS, 0},
    {"n_of_m", "{}", REFUSED, 0, 0, 0},
    {"n_of_m.n", "1", OTHER, "n_of_m={n: 1};" GROUPS, GROUPS, 0},
    {"n_of_m.m", "8", OTHER, "n_of_m={m: 8};" GROUPS, GROUPS, 0},
    {"n_of_m.decay", "0.1", REFUSED, "n_of_m={decay: 0.1};" GROUPS, 0, 0},
    /* what other keys leave without a meaning */
    {"rule", "kd-ticket", REFUSED, "rule=kd-ticket;" GROUPS, 0, 0},
    {"rule", "kd-ticket", REFUSED, "rule=kd-ticket;basis=units", 0, 0},
    {"empty", "keep-one", REFUSED, "empty=keep-one;basis=low-rank", 0, 0},
    {"shuffle", "even", REFUSED, "shuffle=even;basis=units", 0, 0},
    {"scope", "n-of-m", REFUSED, "shuffle=layer;" GROUPS, 0, 0},
    {"basis", "low-rank", REFUSED, "shuffle=layer;basis=low-rank", 0, 0},
    {"basis", "dct", REFUSED, "score=synflow;basis=dct", 0, 0},
    {"basis", "units", REFUSED, SPREAD ";basis=units", 0, 0},
    {"scope", "layer", REFUSED, "scope=layer;file=@", 0, 0},
    {"score", "random", REFUSED, "score=random;file=@", 0, 0},
    {"layers", "[conv2]", REFUSED, "layers=[conv2];file=@", 0, 0},
    /* together */
    {"shuffle", "layer", OTHER, "shuffle=layer;file=@", "file=@", 0},
    {"shuffle", "layer", OTHER, "shuffle=layer;basis=svd", "basis=svd", 0},
    {"shuffle", "layer", OTHER, "shuffle=layer;basis=units", "basis=units", "50%"},
    {"scope", "layer", OTHER, "scope=layer;basis=low-rank", "basis=low-rank", 0},
    {"score", "snip", OTHER, SNIP ";basis=dct", "basis=dct", 0},
};
enum { DECISIONS = sizeof decisions / sizeof *decisions };

/* ---- the network, and the experiment that prunes it */

static const char *const network = "name: tiny\n"
                                   "nodes:\n"
                                   "  - conv: {name: conv1, out: 8, kernel: 3, stride: 2, pad: 1}\n"
                                   "  - batch_norm: {name: bn1}\n"
                                   "  - relu\n"
                                   "  - conv: {name: conv2, out: 16, kernel: 4, stride: 2, pad: 1}\n"
                                   "  - batch_norm: {name: bn2}\n"
                                   "  - relu: {as: two}\n"
                                   "  - conv: {name: conv3, out: 16, kernel: 3, pad: 1}\n"
                                   "  - batch_norm: {name: bn3}\n"
                                   "  - relu\n"
                                   "  - conv: {name: conv4, out: 16, kernel: 3, pad: 1}\n"
                                   "  - batch_norm: {name: bn4}\n"
                                   "  - add: {from: [bn4, two]}\n"
                                   "  - relu\n"
                                   "  - global_pool\n"
                                   "  - linear: {name: fc, out: classes}\n";

static const char *const recipe = "data: {set: shapes, train: 300, test: 40, validation: last-40}\n"
                                  "model: {arch: %s}\n"
                                  "train: {epochs: 2, batch: 32, optimizer: {sgd: {momentum: 0.9}}, lr: 0.1}\n"
                                  "backend: ref\n"
                                  "threads: 1\n"
                                  "compare: {methods: [dense], sparsity: [80%%, 50%%, 99.8%%], seeds: 3}\n";

static const char *write_recipe(void)
{
    char text[2048];
    const char *net = scratch_path("net.yaml"), *path = scratch_path("recipe.yaml");
    const int size = snprintf(text, sizeof text, recipe, net);
    CHECK_OK(wn__file_write(net, network, strlen(network)));
    CHECK_OK(wn__file_write(path, text, (size_t)size));
    return path;
}

/* The dense run's weights, and masks to read: those of magnitude, each layer for itself, drawn anew. */
static const char *dense_weights(void)
{
    static char path[1024];
    if (path[0]) return path;
    const wn_run_options options = {.size = sizeof options, .recipe = write_recipe()};
    wn_train_summary trained;
    CHECK_OK(wn_train(&options, SEED, scratch_path("dense"), &trained));
    snprintf(path, sizeof path, "%s", trained.weights);
    static const char *const set[] = {"mask.scope=layer", "mask.shuffle=layer"};
    const wn_prune_options prune = {.size = sizeof prune,
                                    .weights = path,
                                    .result = scratch_path("masks.safetensors"),
                                    .sparsity = "75%",
                                    .set = set,
                                    .sets = 2,
                                    .seed = 77};
    CHECK_OK(wn_prune(&prune, NULL));
    return path;
}

/* ---- what a decision sets */

typedef struct settings {
    char text[8][256];
    const char *item[8];
    int count;
} settings;

/* "KEY=VALUE;..." with `prefix` before each; @ is the file of masks. */
static void split(const char *set, const char *prefix, settings *out)
{
    out->count = 0;
    while (set && *set) {
        char *to = out->text[out->count];
        to += sprintf(to, "%s", prefix);
        for (; *set && *set != ';'; set++)
            to += *set == '@' ? sprintf(to, "%s", scratch_path("masks.safetensors")) : sprintf(to, "%c", *set);
        set += *set == ';';
        out->item[out->count] = out->text[out->count];
        out->count++;
    }
}

static const char *all_of(const decision *d)
{
    static char text[256];
    if (d->set) return d->set;
    snprintf(text, sizeof text, "%s=%s", d->key, d->value);
    return text;
}

static bool says_sparsity(const char *set)
{
    return set && (strstr(set, "n-of-m") || strstr(set, "file") || strstr(set, "list") || strstr(set, "budget"));
}

static wn_status prune(const char *set, const char *sparsity, const char *result)
{
    settings s;
    split(set, "mask.", &s);
    s.item[s.count++] = "backend=ref";
    if (set && (strstr(set, "snip") || strstr(set, "grasp"))) s.item[s.count++] = "train.batch=32";
    const wn_prune_options options = {.size = sizeof options,
                                      .weights = dense_weights(),
                                      .result = result,
                                      .sparsity = says_sparsity(set) ? NULL
                                                  : sparsity         ? sparsity
                                                                     : "80%",
                                      .set = s.item,
                                      .sets = s.count,
                                      .seed = SEED,
                                      .threads = 1};
    return wn_prune(&options, NULL);
}

/* Libraries that bases need. */
static bool is_in_build(const decision *d)
{
    const char *name;
    for (int kind = 0; wn__basis_names[kind]; kind++)
        if (strstr(all_of(d), wn__basis_names[kind]) && wn__basis_library(kind, &name) != WN_OK) return false;
    return true;
}

/* ---- masks in files */

static bool ends_with(const char *name, const char *end)
{
    const size_t n = strlen(name), e = strlen(end);
    return n >= e && strcmp(name + n - e, end) == 0;
}

static bool is_of_mask(const char *name)
{
    return ends_with(name, "_mask") || ends_with(name, ".rank") || ends_with(name, ".left") || ends_with(name, ".right");
}

/* "conv1.weight_mask" is "conv1.weight.coefficients_mask" where a network's file has coefficients. */
static const wn__st_tensor *find_mask(const wn__safetensors *file, const char *name)
{
    char other[512];
    const wn__st_tensor *t = wn__safetensors_find(file, name);
    if (t || !ends_with(name, "_mask")) return t;
    snprintf(other, sizeof other, "%.*s.coefficients_mask", (int)(strlen(name) - 5), name);
    return wn__safetensors_find(file, other);
}

static bool same_tensor(const wn__st_tensor *a, const wn__st_tensor *b)
{
    return a->count == b->count && a->dtype == b->dtype && memcmp(a->data, b->data, (size_t)(a->count * wn__st_dtype_size(a->dtype))) == 0;
}

/* Every mask of `left` is in `right`, and there are as many. */
static bool same_masks(const char *left, const char *right)
{
    wn__safetensors *a, *b;
    int masks = 0, others = 0;
    bool same = true;
    CHECK_OK(wn__safetensors_open(left, &a));
    CHECK_OK(wn__safetensors_open(right, &b));
    for (int i = 0; i < wn__safetensors_count(a); i++) {
        const wn__st_tensor *t = wn__safetensors_at(a, i);
        if (!is_of_mask(t->name)) continue;
        const wn__st_tensor *other = find_mask(b, t->name);
        same = same && other && same_tensor(t, other);
        masks++;
    }
    for (int i = 0; i < wn__safetensors_count(b); i++)
        others += is_of_mask(wn__safetensors_at(b, i)->name);
    wn__safetensors_close(a);
    wn__safetensors_close(b);
    CHECK(masks > 0);
    return same && masks == others;
}

/* ---- the experiment */

typedef struct stages {
    char root[512];
    wn__recipe *recipe;
    wn__agenda *plan;
    wn__context context;
} stages;

/* One row for each decision that a recipe takes, too. */
static void plan_rows(stages *s)
{
    static char text[MOST * 8][256], methods[8192] = "compare.methods=[dense";
    static const char *set[MOST * 8];
    int sets = 0;
    for (int i = 0; i < DECISIONS; i++) {
        settings own;
        char prefix[64];
        if (decisions[i].verdict == REFUSED || !is_in_build(&decisions[i])) continue;
        const bool random = strstr(all_of(&decisions[i]), "shuffle") != NULL;
        snprintf(text[sets], sizeof *text, "methods.m%d.like=%s", i, random ? "random-ticket" : "lottery-ticket");
        sets++;
        snprintf(prefix, sizeof prefix, "methods.m%d.mask.", i);
        split(all_of(&decisions[i]), prefix, &own);
        for (int k = 0; k < own.count; k++)
            snprintf(text[sets++], sizeof *text, "%s", own.text[k]);
        snprintf(methods + strlen(methods), sizeof methods - strlen(methods), ", m%d", i);
    }
    strcat(methods, "]");
    for (int i = 0; i < sets; i++)
        set[i] = text[i];
    set[sets++] = methods;
    const wn__recipe_source source = {.path = write_recipe(), .set = set, .sets = sets};
    wn__machine machine;
    CHECK_OK(wn__machine_choose("ref", WN__F32, 1, &machine));
    CHECK_OK(wn__recipe_read(&source, &s->recipe));
    CHECK_OK(wn__agenda_make(s->recipe, &machine, &s->plan));
    snprintf(s->root, sizeof s->root, "%s", scratch_path("store"));
    s->context = (wn__context){.recipe = s->recipe, .plan = s->plan, .root = s->root, .machine = machine};
}

static void release(stages *s)
{
    wn__context_release(&s->context);
    wn__agenda_free(s->plan);
    wn__recipe_free(s->recipe);
}

/* The mask stage of decision i, run with all that it needs. */
static char *mask_of(stages *s, int i)
{
    static bool needed[4096];
    char name[16];
    double sparsity;
    int stage = -1;
    snprintf(name, sizeof name, "m%d", i);
    CHECK_OK(wn__sparsity_parse(decisions[i].sparsity ? decisions[i].sparsity : "80%", &sparsity));
    for (int k = 0; k < s->plan->rows; k++) {
        const wn__agenda_row *row = &s->plan->row[k];
        if (strcmp(s->recipe->row[row->row].name, name) != 0) continue;
        if (row->sparsity == sparsity || says_sparsity(all_of(&decisions[i]))) stage = row->mask;
    }
    CHECK(stage >= 0 && s->plan->stages < 4096);
    memset(needed, 0, sizeof needed);
    wn__agenda_mark_needed(s->plan, stage, needed);
    for (int k = 0; k < s->plan->stages; k++)
        if (needed[k]) CHECK_OK(wn__stage_execute(&s->context, k, NULL));
    return wn__stage_file(&s->context, stage, "mask.safetensors");
}

static void check_against_recipe(stages *s, int i)
{
    const decision *d = &decisions[i];
    const char *pruned = scratch_path("pruned.safetensors"), *base = scratch_path("base.safetensors");
    wn_status status = prune(all_of(d), d->sparsity, pruned);
    if (status != WN_OK) WN_TEST_FAIL("%s: %s", all_of(d), wn_error_message());
    char *mask = mask_of(s, i);
    if (!same_masks(mask, pruned)) WN_TEST_FAIL("%s: prune and the recipe's mask stage differ", all_of(d));
    wn__free(mask);
    status = prune(d->base, d->sparsity, base);
    if (status == WN_EUSAGE && d->verdict == OTHER) return; /* without the key nothing is left */
    CHECK_OK(status);
    if (same_masks(base, pruned) != (d->verdict == SAME))
        WN_TEST_FAIL("%s: masks %s those of %s", all_of(d), d->verdict == SAME ? "differ from" : "are", d->base ? d->base : "magnitude");
}

TEST(prune_makes_the_masks_of_a_recipe)
{
    stages s = {0};
    dense_weights();
    plan_rows(&s);
    for (int i = 0; i < DECISIONS; i++)
        if (decisions[i].verdict != REFUSED && is_in_build(&decisions[i])) check_against_recipe(&s, i);
    release(&s);
}

TEST(what_says_nothing_of_a_file_is_refused_by_name)
{
    const char *result = scratch_path("refused.safetensors");
    for (int i = 0; i < DECISIONS; i++) {
        const decision *d = &decisions[i];
        if (d->verdict != REFUSED || !is_in_build(d)) continue;
        const wn_status status = prune(all_of(d), d->sparsity, result);
        if (status != WN_EUSAGE) WN_TEST_FAIL("%s: WN_%s", all_of(d), wn_status_name(status));
        char first[64]; /* the section's first name stands in any message */
        snprintf(first, sizeof first, "%.*s", (int)strcspn(d->key, "."), d->key);
        CHECK_HAS_TEXT(wn_error_message(), first);
        CHECK(!wn__file_exists(result));
    }
}

/* ---- no key without a decision */

static bool is_decided(const char *key, const char *value)
{
    for (int i = 0; i < DECISIONS; i++)
        if (strcmp(decisions[i].key, key) == 0 && (!value || strcmp(decisions[i].value, value) == 0)) return true;
    return false;
}

static void check_choices(const char *key, const char *const *choices)
{
    for (int i = 0; choices[i]; i++)
        if (!is_decided(key, choices[i])) WN_TEST_FAIL("mask.%s=%s has no decision", key, choices[i]);
}

static void check_table(const char *prefix, const wn__setting *rows)
{
    char key[128];
    for (; rows->name; rows++) {
        snprintf(key, sizeof key, "%s%s", prefix, rows->name);
        if (!is_decided(key, NULL)) WN_TEST_FAIL("mask.%s has no decision", key);
        if (rows->type == WN__SETTING_CHOICE) check_choices(key, rows->choices);
    }
}

/* The valid keys, as the message about a wrong one lists them. */
static void check_keys_of_message(const char *set, const char *prefix)
{
    char list[1024], key[128], *rest = list;
    CHECK_STATUS(prune(set, NULL, scratch_path("refused.safetensors")), WN_EUSAGE);
    const char *from = strstr(wn_error_message(), "valid: ");
    CHECK(from != NULL);
    snprintf(list, sizeof list, "%s", from + 7);
    list[strcspn(list, ";")] = 0;
    for (const char *name = strtok_r(list, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest)) {
        snprintf(key, sizeof key, "%s%s", prefix, name);
        if (!is_decided(key, NULL)) WN_TEST_FAIL("mask.%s has no decision", key);
    }
}

TEST(every_key_of_the_section_mask_is_decided)
{
    char prefix[64];
    check_keys_of_message("nonsense=1", "");
    check_keys_of_message("distribution={erk: {nonsense: 1}}", "distribution.");
    check_table("", wn__mask_settings);
    check_table("distribution.", wn__distribution_settings);
    check_table("gradual.", wn__gradual_settings);
    check_table("threshold.", wn__threshold_settings);
    check_table("alternating.", wn__alternation_settings);
    check_table("n_of_m.", wn__n_of_m_settings);
    check_choices("score", wn__saliency_names);
    check_choices("basis", wn__basis_names);
    check_choices("distribution", wn__distribution_names);
    for (int i = 0; wn__saliency_names[i]; i++) {
        snprintf(prefix, sizeof prefix, "score.%s.", wn__saliency_names[i]);
        check_table(prefix, wn__saliency_settings(i));
    }
    for (int i = 0; wn__basis_names[i]; i++) {
        snprintf(prefix, sizeof prefix, "basis.%s.", wn__basis_names[i]);
        check_table(prefix, wn__basis_settings(i));
    }
}

/* ---- keys of --set that single steps do not look at */

/* Beside the tables: a key of each other section, and those that have a shape of their own. */
static const char *const more_keys[] = {"data.set=shapes",         "data.augment=[flip]",
                                        "train.optimizer=adam",    "train.lr=0.2",
                                        "train.init=pytorch",      "mask.scope=layer",
                                        "labels.soft.T=2",         "teacher.cache=on",
                                        "compare.seeds=1",         "methods.lottery-ticket.retrain=1ep",
                                        "methods.dense.stretch=2", "report.margin=1",
                                        "bootstrap.every=1",       "bootstrap.margin=1",
                                        "sweep.trials=2",          "lab.images=5"};
enum { MORE_KEYS = sizeof more_keys / sizeof *more_keys };

typedef struct step {
    const char *name;
    wn_status (*run)(const char *const *set, int sets);
    const char *used; /* keys and sections in blanks */
} step;

static wn_status run_train(const char *const *set, int sets)
{
    const wn_run_options options = {.size = sizeof options, .recipe = write_recipe(), .set = set, .sets = sets};
    return wn_train(&options, 0, scratch_path("refused"), NULL);
}

static wn_status run_eval(const char *const *set, int sets)
{
    wn_evaluation e = {0};
    const wn_eval_options options = {.size = sizeof options, .weights = dense_weights(), .set = set, .sets = sets};
    return wn_eval(&options, &e);
}

static wn_status run_prune(const char *const *set, int sets)
{
    const wn_prune_options options = {.size = sizeof options,
                                      .weights = dense_weights(),
                                      .result = scratch_path("refused.safetensors"),
                                      .sparsity = "80%",
                                      .set = set,
                                      .sets = sets};
    return wn_prune(&options, NULL);
}

static wn_status run_prune_by_images(const char *const *set, int sets)
{
    const char *all[4] = {"mask.score=snip"};
    for (int i = 0; i < sets; i++)
        all[i + 1] = set[i];
    return run_prune(all, sets + 1);
}

static wn_status run_shrink(const char *const *set, int sets)
{
    const char *const network_file = dense_weights();
    wn_shrink_result result = {0};
    const wn_shrink_options options = {.size = sizeof options,
                                       .networks =
                                           &WN_OPTIONS(wn_lab_options, .networks = &network_file, .count = 1, .set = set, .sets = sets),
                                       .hold = "1%",
                                       .result = scratch_path("small")};
    return wn_shrink(&options, &result);
}

static wn_status run_lab(const char *const *set, int sets)
{
    const char *const files[] = {dense_weights(), dense_weights()};
    wn_lab_result result = {0};
    const wn_lab_interpolate_options options = {
        .size = sizeof options,
        .lab = &WN_OPTIONS(wn_lab_options, .networks = files, .count = 2, .set = set, .sets = sets, .folder = scratch_path("lab"))};
    return wn_lab_interpolate(&options, &result);
}

#define MACHINE " backend threads kernels "
#define IMAGES " data.set data.validation data.train_size data.normalize data.label_noise data.unverified train.batch world "
static const step steps[] = {
    {"train", run_train, MACHINE IMAGES "dtype memory name train data.augment data.last_batch bootstrap.every methods.dense.stretch "},
    {"eval", run_eval, MACHINE IMAGES "dtype memory "},
    {"prune", run_prune, MACHINE "mask data.set "},
    {"prune", run_prune_by_images, MACHINE IMAGES "mask "},
    {"shrink", run_shrink, MACHINE IMAGES "dtype "},
    {"lab", run_lab, MACHINE IMAGES "dtype memory data.augment data.last_batch "},
};

static bool is_used(const step *s, const char *key)
{
    char word[160];
    snprintf(word, sizeof word, " %s ", key);
    if (strstr(s->used, word)) return true;
    snprintf(word, sizeof word, " %.*s ", (int)strcspn(key, "."), key); /* the whole section */
    return strstr(s->used, word) != NULL;
}

/* A backend that there is not ends a step that has nothing against the key. */
static void check_steps(const char *set)
{
    char key[128], wanted[256];
    snprintf(key, sizeof key, "%.*s", (int)strcspn(set, "="), set);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        const char *const sets[] = {set, "backend=nonsense"};
        const wn_status status = steps[i].run(sets, 2);
        snprintf(wanted, sizeof wanted, "%s has no effect on winnow %s", key, steps[i].name);
        const char *found = strstr(wn_error_message(), is_used(&steps[i], key) ? "\"nonsense\" is not in this build" : wanted);
        if (status != WN_EUSAGE || !found) WN_TEST_FAIL("%s --set %s: %s", steps[i].name, set, wn_error_message());
    }
}

static void check_steps_on_table(const char *section, const wn__setting *rows)
{
    char set[256];
    for (; rows->name; rows++) {
        const char *value = rows->fallback ? rows->fallback : "x";
        if (strcmp(rows->name, "validation") == 0) value = "none";
        if (strcmp(rows->name, "epochs") == 0) value = "1";
        snprintf(set, sizeof set, "%s%s=%s", section, rows->name, value);
        check_steps(set);
    }
}

static bool has_key_above(const char *section)
{
    const size_t length = strlen(section);
    for (int i = 0; i < MORE_KEYS; i++)
        if (strncmp(more_keys[i], section, length) == 0 && more_keys[i][length] == '.') return true;
    return strcmp(section, "model") == 0 || wn__settings_find(wn__top_settings, section);
}

TEST(single_steps_refuse_keys_that_they_do_not_look_at)
{
    check_steps_on_table("", wn__top_settings);
    check_steps_on_table("data.", wn__data_settings);
    check_steps_on_table("data.", wn__data_later_settings);
    check_steps_on_table("train.", wn__train_settings);
    for (int i = 0; i < MORE_KEYS; i++)
        check_steps(more_keys[i]);
    const char *const nonsense[] = {"nonsense=1"};
    char list[1024], *rest = list;
    CHECK_STATUS(run_eval(nonsense, 1), WN_EUSAGE);
    snprintf(list, sizeof list, "%s", strstr(wn_error_message(), "valid: ") + 7);
    list[strcspn(list, ";")] = 0;
    for (const char *name = strtok_r(list, ", ", &rest); name; name = strtok_r(NULL, ", ", &rest))
        if (!has_key_above(name)) WN_TEST_FAIL("no key of the section %s above", name);
}

TEST(keys_of_a_whole_recipe_are_no_mistake)
{
    const char *path = scratch_path("whole.yaml"), *const set[] = {"backend=nonsense"};
    char text[4096];
    const int size = snprintf(text, sizeof text,
                              "data: {set: shapes, train: 300, test: 40, validation: last-40}\nmodel: {arch: %s}\ntrain: {epochs: 1}\n"
                              "mask: {scope: layer, gradual: {begin: 1ep}}\nlabels: {soft: {T: 2}}\n"
                              "compare: {methods: [dense], sparsity: 80%%}\nreport: {margin: 1}\n",
                              scratch_path("net.yaml"));
    CHECK_OK(wn__file_write(path, text, (size_t)size));
    write_recipe();
    const wn_run_options options = {.size = sizeof options, .recipe = path, .set = set, .sets = 1};
    CHECK_STATUS(wn_train(&options, 0, scratch_path("refused"), NULL), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "is not in this build");
}

/* ---- what a file and its data say */

TEST(data_of_another_shape_and_missing_data_are_refused)
{
    const char *const other[] = {"data={set: mnist}"};
    CHECK_STATUS(run_prune(other, 1), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), "data set mnist has 1x28x28");
    const wn_prune_options without = {.size = sizeof without, .weights = dense_weights(), .result = scratch_path("refused.safetensors")};
    CHECK_STATUS(wn_prune(&without, NULL), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "a sparsity is needed");
    const char *const groups[] = {"mask.scope=n-of-m"};
    CHECK_STATUS(run_prune(groups, 1), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "sparsity 80%: these masks say theirs themselves (50%)");
}

/* Coefficients of a file that was pruned in a basis are pruned on, exactly; without a basis the weights that they make are. */
TEST(a_file_in_a_basis_is_pruned_further)
{
    const char *first = scratch_path("first.safetensors"), *once = scratch_path("once.safetensors"),
               *twice = scratch_path("twice.safetensors"), *plain = scratch_path("plain.safetensors");
    CHECK_OK(prune("basis=random", "50%", first));
    CHECK_OK(prune("basis=random", "80%", once));
    static const char *const set[] = {"mask.basis=random"};
    wn_prune_options again = {
        .size = sizeof again, .weights = first, .result = twice, .sparsity = "80%", .set = set, .sets = 1, .seed = SEED};
    CHECK_OK(wn_prune(&again, NULL));
    CHECK(same_masks(once, twice));
    again.sets = 0;
    again.result = plain;
    CHECK_OK(wn_prune(&again, NULL));
    wn__safetensors *file;
    CHECK_OK(wn__safetensors_open(plain, &file));
    CHECK(!wn__safetensors_meta(file, "basis"));
    CHECK(wn__safetensors_find(file, "conv2.weight_mask") && !wn__safetensors_find(file, "conv2.weight.coefficients"));
    wn__safetensors_close(file);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(every_key_of_the_section_mask_is_decided),
                                    RUN(prune_makes_the_masks_of_a_recipe),
                                    RUN(what_says_nothing_of_a_file_is_refused_by_name),
                                    RUN(single_steps_refuse_keys_that_they_do_not_look_at),
                                    RUN(keys_of_a_whole_recipe_are_no_mistake),
                                    RUN(data_of_another_shape_and_missing_data_are_refused),
                                    RUN(a_file_in_a_basis_is_pruned_further),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
