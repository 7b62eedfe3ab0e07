/* Recipes: reading, messages, the resolved form. */
#include "plan/agenda.h"

#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "test.h"

/* The recipe that tests change; line numbers below count from here. */
static const char *const text = "name: test\n"
                                "data: {set: cifar10, validation: first-5000, augment: [pad-crop-4, flip], normalize: cifar10}\n"
                                "model: {arch: resnet20}\n"
                                "train:\n"
                                "  epochs: 182\n"
                                "  lr: {step: {base: 0.1, factor: 0.1, at: [90ep, 135ep]}}\n"
                                "backend: ref\n"
                                "threads: 1\n"
                                "compare:\n"
                                "  methods: [dense, lottery-ticket, weight-rewind, kd-ticket, kd-weight-rewind, my-ticket]\n"
                                "  sparsity: [0%, 90%]\n"
                                "  seeds: 0-1\n"
                                "methods:\n"
                                "  weight-rewind: {rewind: 33ep}\n"
                                "  kd-weight-rewind: {rewind: 33ep}\n"
                                "  my-ticket: {like: kd-ticket, labels: {soft: {T: 4, kl: batchmean, until: 60ep}}}\n"
                                "mask: {layers: convolutions}\n";

static char path[64];

static void write_recipe(const char *content)
{
    snprintf(path, sizeof path, "/tmp/winnow-recipe-%d.yaml", (int)getpid());
    CHECK_OK(wn__file_write(path, content, strlen(content)));
}

static wn_status read_changed(const char *const *set, int sets, wn__recipe **recipe)
{
    const wn__recipe_source source = {.path = path, .set = set, .sets = sets};
    return wn__recipe_read(&source, recipe);
}

static wn__recipe *read_good(const char *set)
{
    wn__recipe *recipe = NULL;
    write_recipe(text);
    CHECK_OK(read_changed(&set, set ? 1 : 0, &recipe));
    unlink(path);
    return recipe;
}

/* The whole message of a recipe text; %s in `want` stands for the file's name. */
static void check_message(const char *content, const char *want)
{
    char full[2048];
    wn__recipe *recipe = NULL;
    write_recipe(content);
    const wn_status status = read_changed(NULL, 0, &recipe);
    unlink(path);
    CHECK_STATUS(status, WN_EUSAGE);
    snprintf(full, sizeof full, "%s:%s", path, want);
    CHECK_EQ_TEXT(wn_error_message(), full);
}

/* `text` with the first `old` replaced. */
static const char *changed(const char *old, const char *new)
{
    static char content[4096];
    const char *at = strstr(text, old);
    CHECK(at);
    snprintf(content, sizeof content, "%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
    return content;
}

static void check_set_message(const char *set, const char *want)
{
    wn__recipe *recipe = NULL;
    write_recipe(text);
    const wn_status status = read_changed(&set, 1, &recipe);
    unlink(path);
    CHECK_STATUS(status, WN_EUSAGE);
    CHECK_EQ_TEXT(wn_error_message(), want);
}

/* `format` with the names of all methods for %s. */
static const char *with_methods(const char *format)
{
    static char names[1024], message[2048];
    names[0] = 0;
    for (const wn__method *m = wn__methods; m->name; m++)
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s, ", m->name);
    strcat(names, "my-ticket");
    snprintf(message, sizeof message, format, names);
    return message;
}

TEST(times_are_in_steps)
{
    wn__recipe *r = read_good(NULL);
    CHECK_EQ_INT(r->clock.steps_per_epoch, 352); /* 45,000 images, a smaller last batch */
    CHECK_EQ_INT(r->clock.total, 182 * 352);
    CHECK_EQ_INT(r->schedule.milestone[0], 90 * 352);
    CHECK_EQ_INT(r->schedule.milestone[1], 135 * 352);
    CHECK_EQ_INT(r->train_images, 45000);
    CHECK_EQ_INT(r->seeds, 2);
    CHECK_EQ_INT(r->methods, 6);
    wn__recipe_free(r);
}

TEST(a_new_row_takes_what_it_does_not_change_from_its_model)
{
    wn__recipe *r = read_good(NULL);
    const wn__row *row = &r->row[r->compared[5]];
    CHECK_EQ_TEXT(row->name, "my-ticket");
    CHECK_EQ_TEXT(row->base, "kd-ticket");
    CHECK_EQ_INT(row->axes.labels, WN__LABELS_SOFT);
    CHECK_NEAR(row->labels.soft.temperature, 4, 0, 0);
    CHECK_NEAR(row->labels.soft.alpha, 0.9, 1e-12, 0);
    CHECK_EQ_INT(row->labels.soft.reduction, WN__KL_BATCHMEAN);
    CHECK_EQ_INT(row->labels.until.unit, 'e');
    CHECK_NEAR(r->row[r->compared[3]].labels.soft.temperature, 5, 0, 0);
    wn__recipe_free(r);
}

TEST(unknown_key_names_place_valid_keys_and_the_nearest)
{
    check_message(
        changed("  epochs: 182\n", "  epoch: 182\n"),
        "5:3: train: unknown key \"epoch\"; did you mean \"epochs\"? valid: optimizer, loss, metrics, lr, ema, freeze, init, epochs, steps, batch, micro_batch, smoothing, "
        "clip_norm, clip_value, evaluate_every");
}

TEST(unknown_method_names_place_and_the_nearest)
{
    check_message(changed("[dense, lottery-ticket,", "[dense, lotery-ticket,"),
                  with_methods("10:20: compare.methods: unknown method \"lotery-ticket\"; did you mean \"lottery-ticket\"? valid: %s"));
}

TEST(sparsity_of_one_is_refused)
{
    check_message(changed("[0%, 90%]", "[0%, 1.0]"),
                  "11:18: compare.sparsity: \"1.0\" is no sparsity; it is at least 0 and below 1: write 90%, 0.9, 0.1d (density) or 10x "
                  "(compression)");
}

TEST(sparsity_above_one_is_refused)
{
    check_message(changed("[0%, 90%]", "[1.5]"),
                  "11:14: compare.sparsity: \"1.5\" is no sparsity; it is at least 0 and below 1: write 90%, 0.9, 0.1d (density) or 10x "
                  "(compression)");
}

TEST(ill_typed_value_names_its_place)
{
    check_message(changed("epochs: 182", "epochs: many"), "5:11: train.epochs: \"many\" is no whole number");
    check_message(changed("epochs: 182", "epochs: [1, 2]"), "5:11: epochs: a value is needed, not a list");
    check_message(changed("rewind: 33ep}\n  kd", "rewind: 33}\n  kd"),
                  "14:27: weight-rewind.rewind: \"33\" is no time in training; write 160ep (epochs), 500it (steps) or 33% (of the run)");
}

TEST(losses_that_do_not_fit_the_data_are_refused)
{
    check_set_message(
        "train.loss=msee",
        "--set train.loss=msee: train.loss: unknown loss \"msee\"; did you mean \"mse\"? valid: cross-entropy, binary-cross-entropy, mse, huber");
    check_set_message("train.loss=huber",
                      "--set train.loss=huber: train.loss: huber does not take targets of kind \"class\", which cifar10 "
                      "has; valid: cross-entropy, mse");
    check_set_message("train.loss=kl-divergence", "--set train.loss=kl-divergence: train.loss: unknown loss \"kl-divergence\"; valid: "
                                                  "cross-entropy, binary-cross-entropy, mse, huber");
}

TEST(resolved_recipes_say_their_loss)
{
    wn__text out = {0};
    wn__recipe *r = read_good(NULL);
    CHECK_OK(wn__recipe_write(r, &out));
    CHECK_HAS_TEXT(out.data, "  loss: cross-entropy\n");
    wn__text_release(&out);
    wn__recipe_free(r);
    r = read_good("train.loss=mse");
    CHECK_OK(wn__recipe_write(r, &out));
    CHECK_HAS_TEXT(out.data, "  loss: mse\n");
    wn__text_release(&out);
    wn__recipe_free(r);
}

TEST(duplicate_key_is_refused)
{
    check_message(changed("backend: ref\n", "name: again\n"), "7:1: key 'name' is given twice, first in line 1");
}

TEST(duplicate_list_items_are_refused)
{
    check_message(changed("[0%, 90%]", "[90%, 0.1d]"), "11:19: compare.sparsity: 0.1d is listed twice");
    check_message(changed("seeds: 0-1", "seeds: 0,0"), "12:10: compare.seeds: seed 0 is listed twice");
}

TEST(unknown_names_are_refused_where_they_stand)
{
    check_set_message(
        "train.optimizer={sgd: {momentm: 0.9}}",
        "--set train.optimizer={sgd: {momentm: 0.9}}, column 8: sgd: unknown key \"momentm\"; did you mean \"momentum\"? valid: momentum, weight_decay, nesterov, "
        "decay_bn_and_bias");
    check_set_message(
        "train.lr={stp: {base: 1}}",
        "--set train.lr={stp: {base: 1}}, column 2: train.lr: unknown schedule \"stp\"; did you mean \"step\"? valid: constant, step, cosine, polynomial, "
        "cosine-restarts, one-cycle");
    check_set_message(
        "methods.unheard={start: final}",
        with_methods("--set methods.unheard={start: final}: methods: unknown method (a new row needs \"like\") \"unheard\"; valid: %s"));
}

/* mask.KEY=VALUE is fine (part NULL), or fails with a message that holds `part`. */
static void check_mask(const char *key, const char *value, const char *part)
{
    wn__recipe *recipe = NULL;
    char set[160];
    const char *one = set;
    snprintf(set, sizeof set, "mask.%s=%s", key, value);
    write_recipe(text);
    const wn_status status = read_changed(&one, 1, &recipe);
    unlink(path);
    if (!part) {
        CHECK_OK(status);
        wn__recipe_free(recipe);
        return;
    }
    CHECK_STATUS(status, WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), part);
}

static void check_distribution(const char *value, const char *part) { check_mask("distribution", value, part); }

TEST(scores_are_read_with_their_settings)
{
    check_mask("score", "synflow", NULL);
    check_mask("score", "{grasp: {temperature: 1, keep: largest, samples: 3}}", NULL);
    check_mask("score", "snipp", "did you mean \"snip\"?");
    check_mask("score", "{synflow: {samples: 3}}", "samples");
    check_mask("score", "{magnitude: {samples: 3}}", "samples");
    check_mask("score", "{snip: {samples: 0}}", "samples");
    check_mask("score", "{snip: {iterations: -1}}", "iterations");
    const char *set = "methods.more={like: snip, mask: {score: {snip: {iterations: 4}}}}";
    wn__recipe *r = read_good(set);
    for (int i = 0; i < r->rows; i++) {
        const wn__scoring *s = &r->row[i].mask.scoring;
        if (strcmp(r->row[i].name, "more") == 0) CHECK_EQ_INT(s->iterations, 4);
        if (strcmp(r->row[i].name, "more") == 0 || strcmp(r->row[i].name, "snip") == 0) CHECK_EQ_INT(s->samples, 10);
        if (strcmp(r->row[i].name, "grasp") == 0) CHECK(s->score == WN__GRASP && s->temperature == 200);
    }
    wn__recipe_free(r);
    set = "methods.snip.mask.file=x.safetensors";
    write_recipe(text);
    CHECK_STATUS(read_changed(&set, 1, &r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "mask: at-init, or of a file, not both");
    unlink(path);
}

TEST(masks_that_make_themselves_refuse_what_they_cannot_do)
{
    static const char *const wrong[][2] = {
        {"methods.ac-dc={mask: {alternating: {sparse: 0it}}}",
         "ac-dc: mask.alternating: phases of 0 sparse and 3203 dense steps, must be at least 1"},
        {"methods.ac-dc={mask: {alternating: {final: 100%}}}",
         "ac-dc: mask.alternating: the final sparse phase begins at step 64064 of 64064: nothing is trained in it"},
        {"methods.str={topology: {grow: random}}", "str: topology: a mask that is learned changes already"},
        {"methods.sr-ste={mask: {score: snip}}", "sr-ste: mask: n-of-m goes by magnitude, not by snip"},
        {"methods.random-ticket={mask: {scope: n-of-m}}", "random-ticket: mask: random cannot keep groups"},
        {"methods.lottery-ticket={mask: {scope: distribution, block: filter}}",
         "lottery-ticket: mask: block: filter has no effect on masks that are pruned; basis: units prunes whole filters and neurons"},
        {"methods.n-of-m={mask: {rounds: 3}}", "n-of-m: mask: scope: n-of-m prunes once: no rounds and no rate"},
        {"methods.synflow={mask: {scope: n-of-m}}", "synflow: mask: scope: n-of-m prunes once: score: {synflow: {iterations: 1}}"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        wn__recipe *recipe = NULL;
        write_recipe(text);
        const wn_status status = read_changed(&wrong[i][0], 1, &recipe);
        unlink(path);
        CHECK_STATUS(status, WN_EUSAGE);
        CHECK_HAS_TEXT(wn_error_message(), wrong[i][1]);
    }
}

TEST(times_of_gradual_pruning_that_make_no_sense_are_refused)
{
    static const char *const wrong[][2] = {{"{interval: 0it}", "interval of 0 steps"},
                                           {"{begin: 50%, end: 40%}", "begins at step"},
                                           {"{end: 100%}", "nothing is trained afterwards"},
                                           {"{power: 0}", "power"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        wn__recipe *r = NULL;
        char set[160];
        const char *one = set;
        snprintf(set, sizeof set, "methods.gradual-pruning={mask: {gradual: %s}}", wrong[i][0]);
        write_recipe(text);
        CHECK_STATUS(read_changed(&one, 1, &r), WN_EUSAGE);
        CHECK_HAS_TEXT(wn_error_message(), wrong[i][1]);
        unlink(path);
    }
    wn__recipe *r = NULL;
    const char *snip = "methods.gradual-pruning={mask: {score: snip}}", *grows = "methods.gradual-pruning={topology: {grow: random}}";
    write_recipe(text);
    CHECK_STATUS(read_changed(&snip, 1, &r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "prunes by magnitude, not by snip");
    CHECK_STATUS(read_changed(&grows, 1, &r), WN_EUSAGE);
    unlink(path);
}

TEST(what_is_pruned_must_be_another_method)
{
    static const char *const wrong[][2] = {{"methods.lottery-ticket.mask={of: no-such}", "unknown method"},
                                           {"methods.lottery-ticket.mask={of: lottery-ticket}", "made of itself"},
                                           {"methods.lottery-ticket.mask={of: rigl, rounds: 2}", "pruned once"},
                                           {"methods.lottery-ticket.mask={of: small-dense}", "network of other widths"}};
    wn__recipe_free(read_good("methods.lottery-ticket.mask={of: rigl}"));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        wn__recipe *r = NULL;
        write_recipe(text);
        CHECK_STATUS(read_changed(&wrong[i][0], 1, &r), WN_EUSAGE);
        CHECK_HAS_TEXT(wn_error_message(), wrong[i][1]);
        unlink(path);
    }
}

TEST(claims_must_be_about_methods)
{
    wn__recipe *r = read_good("report.claims=[lottery-ticket not worse than dense at 90%]");
    CHECK_EQ_INT(r->report.claims, 1);
    wn__recipe_free(r);
    const char *unknown = "report.claims=[dense better than rigler]", *vague = "report.claims=[dense is best]";
    write_recipe(text);
    CHECK_STATUS(read_changed(&unknown, 1, &r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "unknown method \"rigler\"");
    CHECK_STATUS(read_changed(&vague, 1, &r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "better than");
    unlink(path);
}

TEST(claims_are_about_what_is_measured_with_a_margin_in_its_unit)
{
    static const struct {
        const char *claim, *metrics, *why; /* why NULL: it is good */
    } claims[] = {{"dense better than kd-ticket in loss", "[]", NULL},
                  {"dense same as kd-ticket", "[]", NULL},
                  {"dense same as kd-ticket in loss within 0.05", "[]", NULL},
                  {"dense same as kd-ticket in loss", "[]", "needs a margin of loss: within NUMBER"},
                  {"dense better than kd-ticket in mse", "[]", "mse is not measured here; valid: loss, accuracy, soft-error"},
                  {"dense better than kd-ticket in top-5", "[]", "top-5 is not measured here"},
                  {"dense same as kd-ticket in top-5", "[accuracy, top-5]", NULL},
                  {"dense not worse than kd-ticket", "[loss]", "needs a margin of loss: within NUMBER, or report.margin"}};
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++) {
        char report[128], metrics[64];
        wn__recipe *r = NULL;
        snprintf(report, sizeof report, "report.claims=[\"%s\"]", claims[i].claim);
        snprintf(metrics, sizeof metrics, "train.metrics=%s", claims[i].metrics);
        write_recipe(text);
        CHECK_STATUS(read_changed((const char *const[]){metrics, report}, 2, &r), claims[i].why ? WN_EUSAGE : WN_OK);
        if (claims[i].why) CHECK_HAS_TEXT(wn_error_message(), claims[i].why);
        if (r) wn__recipe_free(r);
        unlink(path);
    }
    const char *const said[] = {"train.metrics=[loss]", "report={margin: 0.02, claims: [dense same as kd-ticket]}"};
    wn__recipe *r;
    write_recipe(text);
    CHECK_OK(read_changed(said, 2, &r));
    CHECK_NEAR(r->report.margin, 0.02, 0, 0);
    wn__recipe_free(r);
    CHECK_OK(read_changed(said, 1, &r));
    CHECK_NEAR(r->report.margin, 0, 0, 0); /* none is said of losses */
    wn__recipe_free(r);
    unlink(path);
}

TEST(analyses_of_classes_need_some)
{
    wn__recipe *r = read_good("lab={compare: [dense, kd-ticket]}");
    CHECK_OK(wn__recipe_need_classes(r, "shrink"));
    CHECK_OK(wn__lab_section_check(r));
    r->data.facts.sample.target = WN_TARGET_VALUES;
    CHECK_STATUS(wn__recipe_need_classes(r, "shrink"), WN_EUNSUPPORTED);
    CHECK_HAS_TEXT(wn_error_message(), "shrink: is about classes; ");
    CHECK_STATUS(wn__lab_section_check(r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "lab.compare: is about classes; ");
    wn__recipe_free(r);
}

TEST(a_rewound_schedule_is_not_stretched)
{
    wn__recipe *r = NULL;
    const char *rewound = "methods.weight-rewind.stretch=2", *none = "methods.rigl.stretch=0";
    write_recipe(text);
    CHECK_STATUS(read_changed(&rewound, 1, &r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "stretch: a schedule that is rewound");
    CHECK_STATUS(read_changed(&none, 1, &r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "stretch");
    unlink(path);
}

TEST(only_retraining_streams_are_numbered)
{
    wn__recipe *r = NULL;
    const char *change = "methods.weight-rewind={data_order: same-as-dense, order: 1}";
    write_recipe(text);
    CHECK_STATUS(read_changed(&change, 1, &r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "weight-rewind: order: the dense run's stream has no number");
    unlink(path);
}

TEST(distributions_that_make_no_sense_are_refused)
{
    check_distribution("{erk: {flops_budget: 10%, counting: total}}", NULL);
    check_distribution("{list: {layers: {conv1: 0, 'layer3.*': 95%}}}", NULL);
    check_distribution("{erk: {flops_budget: 0}}", "FLOPs budget \"0\"");
    check_distribution("{erk: {flops_budget: 2x}}", "FLOPs budget \"2x\"");
    check_distribution("list", "the key \"layers\" is missing");
    check_distribution("file", "the key \"file\" is missing");
    check_distribution("{list: {layers: {conv1: 0}, flops_budget: 0.1x}}", "list says every layer's sparsity itself");
    check_distribution("{erk: {layers: [conv1]}}", "wants a mapping");
    check_distribution("{erk: {layers: {conv1: 120%}}}", "mask.distribution.layers: ");
    check_distribution("ark", "did you mean \"erk\"?");
}

TEST(start_weights_by_connections_must_be_drawn)
{
    wn__recipe *recipe = NULL;
    const char *set = "methods.weight-rewind.init=fan-in-normal";
    write_recipe(text);
    const wn_status status = read_changed(&set, 1, &recipe);
    unlink(path);
    CHECK_STATUS(status, WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "needs weights that are drawn");
}

TEST(small_networks_need_widths_and_weights_of_their_own)
{
    static const char *const wrong[][2] = {{"methods.small-dense={start: final}", "start weights of its own"},
                                           {"methods.small-dense={topology: random}", "there is no mask to change"},
                                           {"methods.big-sparse={start: rewound}", "a wide network has start weights of its own"},
                                           {"methods.big-sparse={mask: {basis: haar}}", "wide is of weights"}};
    for (int i = 0; i < 2; i++) {
        wn__recipe *recipe = NULL;
        const char *set = wrong[i][0];
        write_recipe(text);
        const wn_status status = read_changed(&set, 1, &recipe);
        unlink(path);
        CHECK_STATUS(status, WN_EUSAGE);
        CHECK_HAS_TEXT(wn_error_message(), wrong[i][1]);
    }
}

TEST(late_faults_have_a_place_too)
{
    check_set_message("data.validation=middle",
                      "--set data.validation=middle: data.validation: validation 'middle' is not one of none, 10%, 5000, "
                      "first-N, last-N (such as last-5000), auto");
    check_set_message("train.lr=-1", "--set train.lr=-1: train.lr: base: -1 is out of range, valid is 0 to 1000000");
    check_set_message("train.lr=\"0,1\"",
                      "--set train.lr=\"0,1\": train.lr: base: \"0,1\" is no number (decimals stand behind a point: 0.5)");
    check_set_message("train.lr={constant: {base: 0}}",
                      "--set train.lr={constant: {base: 0}}: train.lr: learning rate 0, must be positive");
}

TEST(retraining_nothing_is_refused)
{
    wn__recipe *recipe = NULL;
    const char *set = "methods.weight-rewind.rewind=100%";
    write_recipe(text);
    const wn_status status = read_changed(&set, 1, &recipe);
    unlink(path);
    CHECK_STATUS(status, WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), ":14:18: weight-rewind: retrain: nothing is left to train after step 64064 of 64064");
}

TEST(resolved_recipe_reads_back_to_the_same)
{
    wn__text first = {0}, second = {0};
    wn__recipe *r = read_good("methods.my-ticket.mask={from: random, shuffle: even, layers: [\"layer1*\", \"!*conv2*\"]}");
    CHECK_OK(wn__recipe_write(r, &first));
    wn__recipe_free(r);
    write_recipe(first.data);
    CHECK_OK(read_changed(NULL, 0, &r));
    unlink(path);
    CHECK_OK(wn__recipe_write(r, &second));
    wn__recipe_free(r);
    /* The second time every time is in steps already, so the comments with what was written are gone. */
    const char *comment = strstr(first.data, "  # 33ep");
    CHECK(comment);
    CHECK(strstr(second.data, "rewind: 11616it\n"));
    write_recipe(second.data);
    wn__text_release(&first);
    CHECK_OK(read_changed(NULL, 0, &r));
    CHECK_OK(wn__recipe_write(r, &first));
    CHECK_EQ_TEXT(first.data, second.data);
    unlink(path);
    wn__recipe_free(r);
    wn__text_release(&first);
    wn__text_release(&second);
}

TEST(seeds_are_ranges_and_lists)
{
    uint64_t *seeds = NULL;
    int count = 0;
    CHECK_OK(wn__seeds_parse("0-2,7, 9-10", &seeds, &count));
    CHECK_EQ_INT(count, 6);
    CHECK_EQ_INT(seeds[3], 7);
    CHECK_EQ_INT(seeds[5], 10);
    static const char *const wrong[] = {"", "4-2", "a", "1,,2", "-1", "1-", "99999999999999999999"};
    for (int i = 0; i < 7; i++) {
        count = 0;
        CHECK_STATUS(wn__seeds_parse(wrong[i], &seeds, &count), WN_EUSAGE);
    }
    count = 0;
    CHECK_OK(wn__seeds_parse("1000-2999", &seeds, &count));
    CHECK_EQ_INT(count, 2000);
    CHECK_EQ_INT(seeds[1999], 2999);
    count = 0;
    CHECK_STATUS(wn__seeds_parse("0-999999999", &seeds, &count), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "more than 10000 seeds");
    wn__free(seeds);
}

/* A list "key: [a0, a1, ...]" of `count` items. */
static void add_list(wn__text *t, const char *key, const char *format, int count)
{
    wn__text_add(t, "%s: [", key);
    for (int i = 0; i < count; i++) {
        wn__text_add(t, i > 0 ? ", " : "");
        for (const char *c = format; *c; c++)
            if (*c == '#')
                wn__text_add(t, "%d", i);
            else
                wn__text_add_bytes(t, c, 1);
    }
    wn__text_add(t, "]\n");
}

TEST(recipes_of_any_size_are_read_whole)
{
    enum { ROWS = 200, SPARSITIES = 70, SEEDS = 2000, CLAIMS = 150, MILESTONES = 40 };
    wn__text t = {0}, resolved = {0}, again = {0};
    wn__recipe *r = NULL;
    wn__text_add(&t, "name: large\ndata: {set: cifar10}\nmodel: {arch: resnet20}\nbackend: ref\nthreads: 1\n");
    wn__text_add(&t, "train:\n  epochs: 100\n  lr:\n    step:\n      base: 0.1\n      factor: 0.9\n      ");
    add_list(&t, "at", "1#ep", MILESTONES);
    wn__text_add(&t, "methods:\n");
    for (int i = 0; i < ROWS; i++)
        wn__text_add(&t, "  row%d: {like: lottery-ticket, order: %d}\n", i, i);
    wn__text_add(&t, "compare:\n  seeds: 0-%d\n  ", SEEDS - 1);
    add_list(&t, "methods", "row#", ROWS);
    wn__text_add(&t, "  ");
    add_list(&t, "sparsity", "0.5#1", SPARSITIES);
    wn__text_add(&t, "report:\n  ");
    add_list(&t, "baseline", "row#", ROWS);
    wn__text_add(&t, "  ");
    add_list(&t, "claims", "row# better than row0", CLAIMS);
    write_recipe(t.data);
    CHECK_OK(read_changed(NULL, 0, &r));
    CHECK_EQ_INT(r->methods, ROWS);
    CHECK_EQ_TEXT(r->row[r->compared[ROWS - 1]].name, "row199");
    CHECK_EQ_INT(r->sparsities, SPARSITIES);
    CHECK_NEAR(r->sparsity[SPARSITIES - 1], 0.5691, 1e-12, 0);
    CHECK_EQ_INT(r->seeds, SEEDS);
    CHECK_EQ_INT(r->seed[SEEDS - 1], SEEDS - 1);
    CHECK_EQ_INT(r->report.baselines, ROWS);
    CHECK_EQ_TEXT(r->report.claim[CLAIMS - 1], "row149 better than row0");
    CHECK_EQ_INT(r->schedule.milestones, MILESTONES);
    CHECK_OK(wn__recipe_write(r, &resolved));
    wn__recipe_free(r);
    write_recipe(resolved.data);
    CHECK_OK(read_changed(NULL, 0, &r));
    CHECK_OK(wn__recipe_write(r, &again));
    CHECK(strstr(again.data, "row149 better than row0") && strstr(again.data, ", 1999]") && strstr(again.data, ", row199]"));
    wn__recipe_free(r);
    unlink(path);
    wn__text_release(&t);
    wn__text_release(&resolved);
    wn__text_release(&again);
}

TEST(what_is_too_long_is_refused_with_the_limit)
{
    wn__text t = {0};
    wn__recipe *r;
    const char *set;
    add_list(&t, "train.lr={step: {base: 0.1, at", "#ep", 65);
    wn__text_add(&t, "}}");
    *strchr(t.data, '\n') = ' ';
    set = t.data;
    write_recipe(text);
    CHECK_STATUS(read_changed(&set, 1, &r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "65 items, at most 64 are possible");
    wn__text_release(&t);
    char name[200], content[4096];
    memset(name, 'x', 121);
    name[121] = 0;
    set = "mask.rate=0.001";
    CHECK_STATUS(read_changed(&set, 1, &r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "mask.rate: 0.001 of what is left reaches 90% after more than 1000 rounds");
    snprintf(content, sizeof content, "%s  %s: {like: dense}\n", changed("mask: {layers: convolutions}\n", ""), name);
    write_recipe(content);
    CHECK_STATUS(read_changed(NULL, 0, &r), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "methods: a name of 121 letters; at most 120 are possible");
    unlink(path);
}

TEST(reading_survives_every_failed_allocation)
{
    write_recipe(text);
    wn__recipe *recipe = NULL;
    wn_status status = WN_ENOMEM;
    for (int n = 1; status != WN_OK && n < 5000; n++) {
        wn__alloc_fail_at(n);
        status = read_changed(NULL, 0, &recipe);
        wn__alloc_fail_at(0);
        if (status != WN_OK) CHECK_EQ_INT(status, WN_ENOMEM);
    }
    CHECK_OK(status);
    wn__recipe_free(recipe);
    unlink(path);
}

static void keep_warnings(void *user, wn_log_level level, const char *line)
{
    char *all = user;
    if (level == WN_LOG_WARNING) snprintf(all + strlen(all), 2048 - strlen(all), "%s\n", line);
}

TEST(a_selection_of_few_weights_is_told_once)
{
    char warnings[2048] = "";
    wn_log_set_sink(keep_warnings, warnings);
    wn__recipe_free(
        read_good("methods={my-ticket: {like: kd-ticket, mask: {layers: [conv1]}}, weight-rewind: {rewind: 33ep, mask: {layers: [conv1]}}, "
                  "kd-weight-rewind: {rewind: 33ep}}"));
    wn_log_set_sink(NULL, NULL);
    const char *first = strstr(warnings, "less than half");
    CHECK(first && !strstr(first + 1, "less than half"));
}

/* Told, not refused: recipes that were kept read as they did. What changes nothing, as in resolved recipes, passes. */
TEST(keys_that_a_row_does_not_use_are_told)
{
    static const struct {
        const char *methods, *told;
    } cases[] = {
        {"rigl: {mask: {rounds: 3}}", "rigl: mask.rounds has no effect: it needs a mask that is pruned or random"},
        {"dense: {teacher: {cache: off}}", "dense: teacher has no effect: it needs labels: soft"},
        {"lottery-ticket: {mask: {distribution: er}}", "lottery-ticket: mask.distribution has no effect"},
        {"lottery-ticket: {mask: {gradual: {power: 2}}}", "lottery-ticket: mask.gradual has no effect: it needs a mask that is gradual"},
        {"lottery-ticket: {mask: {n_of_m: {n: 1, m: 2}}}", "lottery-ticket: mask.n_of_m has no effect"},
        {"rigl: {init_gain: 2}", "rigl: init_gain has no effect: it needs init"},
        {"rigl: {match: flops}", "rigl: match has no effect"},
        {"rigl: {mask: {rounds: 1, gradual: {power: 3}}}", ""},
        {"lottery-ticket: {mask: {rounds: 3, scope: distribution, distribution: er}}", ""},
        {"kd-ticket: {teacher: {cache: off}}", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char set[256], warnings[2048] = "";
        wn__recipe *again = NULL;
        wn__text resolved = {0};
        snprintf(set, sizeof set,
                 "methods={my-ticket: {like: kd-ticket}, weight-rewind: {rewind: 33ep}, kd-weight-rewind: {rewind: 33ep}, %s}",
                 cases[i].methods);
        wn_log_set_sink(keep_warnings, warnings);
        wn__recipe *r = read_good(set);
        if (*cases[i].told)
            CHECK_HAS_TEXT(warnings, cases[i].told);
        else
            CHECK_EQ_TEXT(warnings, "");
        warnings[0] = 0;
        CHECK_OK(wn__recipe_write(r, &resolved));
        const wn__recipe_source source = {.text = resolved.data, .label = "resolved"};
        CHECK_OK(wn__recipe_read(&source, &again));
        wn_log_set_sink(NULL, NULL);
        if (!*cases[i].told) CHECK_EQ_TEXT(warnings, "");
        wn__text_release(&resolved);
        wn__recipe_free(again);
        wn__recipe_free(r);
    }
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(a_selection_of_few_weights_is_told_once),
                                    RUN(keys_that_a_row_does_not_use_are_told),
                                    RUN(times_are_in_steps),
                                    RUN(a_new_row_takes_what_it_does_not_change_from_its_model),
                                    RUN(unknown_key_names_place_valid_keys_and_the_nearest),
                                    RUN(unknown_method_names_place_and_the_nearest),
                                    RUN(sparsity_of_one_is_refused),
                                    RUN(sparsity_above_one_is_refused),
                                    RUN(ill_typed_value_names_its_place),
                                    RUN(losses_that_do_not_fit_the_data_are_refused),
                                    RUN(resolved_recipes_say_their_loss),
                                    RUN(duplicate_key_is_refused),
                                    RUN(duplicate_list_items_are_refused),
                                    RUN(unknown_names_are_refused_where_they_stand),
                                    RUN(scores_are_read_with_their_settings),
                                    RUN(masks_that_make_themselves_refuse_what_they_cannot_do),
                                    RUN(times_of_gradual_pruning_that_make_no_sense_are_refused),
                                    RUN(what_is_pruned_must_be_another_method),
                                    RUN(claims_must_be_about_methods),
                                    RUN(claims_are_about_what_is_measured_with_a_margin_in_its_unit),
                                    RUN(analyses_of_classes_need_some),
                                    RUN(a_rewound_schedule_is_not_stretched),
                                    RUN(only_retraining_streams_are_numbered),
                                    RUN(distributions_that_make_no_sense_are_refused),
                                    RUN(start_weights_by_connections_must_be_drawn),
                                    RUN(small_networks_need_widths_and_weights_of_their_own),
                                    RUN(late_faults_have_a_place_too),
                                    RUN(retraining_nothing_is_refused),
                                    RUN(resolved_recipe_reads_back_to_the_same),
                                    RUN(seeds_are_ranges_and_lists),
                                    RUN(recipes_of_any_size_are_read_whole),
                                    RUN(what_is_too_long_is_refused_with_the_limit),
                                    RUN(reading_survives_every_failed_allocation),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
