/* What follows from a recipe: sizes of the splits, the network, the schedule in steps. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/world.h"
#include "models/graph_file.h"
#include "nn/freezing.h"
#include "recipe/recipe.h"

/* A failure, at the place of section.key (or of the section) in the recipe. */
static wn_status fail_at(const wn__recipe *r, const char *section, const char *key, wn_status status)
{
    const wn__yaml_node *root = wn__yaml_root(r->doc), *node = wn__yaml_find(root, section),
                        *inner = node ? wn__yaml_find(node, key) : NULL;
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%s.%s: ", section, key);
    return status == WN_OK ? WN_OK : wn__fault_at(inner ? inner : node ? node : root, prefix, status);
}

/* What a recipe asks of its samples, which not all kinds of them have. */
static wn_status check_samples(const wn__recipe *r)
{
    const wn__data_section *d = &r->data;
    const wn__sample_spec *sample = &d->facts.sample;
    const char *name = d->type->name;
    if (sample->input == WN_INPUT_TOKENS || sample->target == WN_TARGET_POSITIONS)
        return fail_at(r, "data", "set",
                       wn__fail(WN_EUSAGE, "%s gives %s, which no network here takes", name,
                                sample->input == WN_INPUT_TOKENS ? "tokens" : "a class at each position"));
    if (sample->input != WN_INPUT_PIXELS && !wn__augment_is_none(&d->augment))
        return fail_at(r, "data", "augment",
                       wn__fail(WN_EUSAGE, "%s is of pixels; the inputs of %s are floats, taken as they are",
                                d->augment.pad ? "pad-crop" : "flip", name));
    if (d->label_noise > 0) WN_TRY(fail_at(r, "data", "label_noise", wn__recipe_need_classes(r, "label noise")));
    if (r->top.world != WN__WORLD_NONE) WN_TRY(fail_at(r, "data", "set", wn__recipe_need_classes(r, "world")));
    return WN_OK;
}

static wn_status count_images(wn__recipe *r)
{
    /* Nothing is loaded to plan an experiment. */
    const wn__dataset planned = {.type = r->data.type, .facts = r->data.facts};
    wn__split split;
    wn__normalize normalize;
    WN_TRY(fail_at(r, "data", "normalize", wn__data_section_normalize(&r->data, &planned, &normalize)));
    if (r->top.world != WN__WORLD_NONE) return wn__bootstrap_resolve(r);
    WN_TRY(fail_at(r, "data", "validation", wn__split_make(&r->data.facts, r->data.validation, r->data.train_size, &split)));
    r->train_images = split.train.count;
    r->validation_images = split.validation.count;
    r->test_images = split.test.count;
    return WN_OK;
}

/* Mixed samples have a share of two classes. */
static wn_status check_mixing(const wn__recipe *r)
{
    const wn__loss_type *loss = r->train.loss;
    if (!wn__transforms_mix(&r->data.transforms)) return WN_OK;
    WN_TRY(fail_at(r, "data", "augment", wn__recipe_need_classes(r, "mixing of batches")));
    if (r->data.last_batch == WN__LAST_WRAP)
        return fail_at(r, "data", "last_batch", wn__fail(WN_EUSAGE, "wrap takes samples again, which mixing does not; valid: keep, drop"));
    if (loss->targets & 1u << WN_TARGET_DISTRIBUTION) return WN_OK;
    return fail_at(r, "train", "loss", wn__fail(WN_EUSAGE, "%s takes no mixed targets; cross-entropy does", loss->name));
}

static wn_status make_clock(wn__recipe *r)
{
    const int64_t batch = r->train.batch, images = r->train_images;
    r->clock.steps_per_epoch = r->data.last_batch == WN__LAST_DROP ? images / batch : (images + batch - 1) / batch;
    if (r->clock.steps_per_epoch < 1)
        return wn__fail(WN_EUSAGE, "train.batch: %lld images are no full batch of %lld, and data.last_batch is drop", (long long)images,
                        (long long)batch);
    r->clock.total = r->train.steps ? r->train.steps : r->train.epochs * r->clock.steps_per_epoch;
    return WN_OK;
}

static wn_status make_schedule(wn__recipe *r)
{
    const wn__rate_section *rate = &r->train.rate;
    const wn__clock *c = &r->clock;
    wn__schedule *s = &r->schedule;
    *s = (wn__schedule){
        .kind = (wn__schedule_kind)rate->kind,
        .base = rate->base,
        .factor = rate->factor,
        .milestones = rate->ats,
        .length = c->total,
        .final = rate->final,
        .power = rate->power,
        .period = wn__steps_resolve(rate->period, c->steps_per_epoch, c->total),
        .growth = rate->growth,
        .peak = wn__steps_resolve(rate->peak, c->steps_per_epoch, c->total),
        .initial = rate->initial,
        .warm_up = wn__steps_resolve(rate->warm_up, c->steps_per_epoch, c->total),
        .warm_up_from_zero = rate->warm_up_from_zero,
        .every = rate->per ? c->steps_per_epoch : 1,
    };
    for (int i = 0; i < rate->ats; i++)
        s->milestone[i] = wn__steps_resolve(rate->at[i], c->steps_per_epoch, c->total);
    return fail_at(r, "train", "lr", wn__schedule_check(s));
}

wn__model_input wn__recipe_input(const wn__recipe *recipe)
{
    const wn__sample_spec *s = &recipe->data.facts.sample;
    return (wn__model_input){s->channels, s->height, s->width, s->classes};
}

wn_status wn__recipe_resolve(wn__recipe *recipe)
{
    WN_TRY(check_samples(recipe));
    WN_TRY(count_images(recipe));
    WN_TRY(wn__recipe_settle_targets(recipe));
    WN_TRY(check_mixing(recipe));
    WN_TRY(make_clock(recipe));
    WN_TRY(make_schedule(recipe));
    const wn__model_input input = wn__recipe_input(recipe);
    wn__text network = {0};
    recipe->arch = recipe->model.file ? recipe->model.file : recipe->model.type->name;
    WN_TRY(wn__recipe_write_network(recipe, &network));
    recipe->network = network.data;
    if (recipe->model.file)
        WN_TRY(wn__graph_file_read(recipe->model.file, recipe->model.config, input, &recipe->graph));
    else
        WN_TRY(fail_at(recipe, "model", "arch", wn__model_build(recipe->model.type, recipe->model.config, input, &recipe->graph)));
    return fail_at(recipe, "train", "freeze",
                   wn__freezing_check(&(wn__freezing){recipe->train.freeze, recipe->train.freezes}, recipe->graph));
}
