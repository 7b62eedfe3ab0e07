#include "run/context.h"

#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "data/contents.h"
#include "data/split_source.h"
#include "data/world.h"
#include "recipe/data_record.h"

static wn_status load_images(wn__context *c)
{
    const wn__data_section *d = &c->recipe->data;
    WN_TRY(wn__dataset_load(d->type, d->config, c->data_folder, c->devices.pool, d->unverified, &c->data));
    WN_TRY(wn__dataset_add_noise(&c->data, d->label_noise));
    return wn__dataset_split(&c->data, d->validation, d->train_size, &c->split);
}

static wn_status load_world(wn__context *c)
{
    const wn__recipe *r = c->recipe;
    const wn__data_section *d = &r->data;
    const wn__world_request request = {.n = d->train_size,
                                       .third = r->bootstrap.origin == WN__ORIGIN_SHARED,
                                       .validation = d->validation,
                                       .label_noise = d->label_noise,
                                       .unverified = d->unverified};
    return wn__world_load(d->type, d->config, c->data_folder, c->devices.pool, &request, &c->data, &c->split, &c->third);
}

wn__devices *wn__context_devices(wn__context *c)
{
    c->devices.threads = c->machine.threads;
    c->devices.kernels = (wn__kernels)c->recipe->top.kernels;
    return &c->devices;
}

wn_status wn__context_load(wn__context *c)
{
    const wn__recipe *r = c->recipe;
    if (c->loaded) return WN_OK;
    wn__pool *pool;
    WN_TRY(wn__devices_pool(wn__context_devices(c), &pool));
    WN_TRY(r->top.world == WN__WORLD_NONE ? load_images(c) : load_world(c));
    WN_TRY(wn__data_check_settled(r, &c->data));
    wn__data_section_fit(&r->data, &c->data);
    WN_TRY(wn__data_section_normalize(&r->data, &c->data, &c->normalize));
    if (r->train_images >= 0 && c->split.train.count != r->train_images)
        return wn__fail(WN_EMISMATCH, "data set %s: %lld training images, not the %lld that the recipe was planned with",
                        r->data.type->name, (long long)c->split.train.count, (long long)r->train_images);
    c->loaded = true;
    return WN_OK;
}

wn_status wn__context_check_data(const wn__context *c)
{
    if (!c->loaded || !c->data.stream || !c->data.type->files) return WN_OK;
    return wn__data_check_unchanged(c->data.type, c->data_folder, &c->data.contents);
}

wn_status wn__context_device(wn__context *c, const wn__backend *backend, wn__dtype dtype, wn__device **out)
{
    return wn__devices_get(wn__context_devices(c), backend, dtype, out);
}

void wn__context_release(wn__context *c)
{
    wn__dataset_release(&c->data);
    wn__devices_release(&c->devices);
    c->loaded = false;
}

/* Pictures that are decoded or changed take much more work than copies of bytes: there may be as many threads as training has, which sleep while
 * enough is ready. */
int wn__context_loader_threads(const wn__context *c)
{
    const wn__data_section *d = &c->recipe->data;
    const bool heavy = d->facts.any_size || d->transforms.count > 0 || d->fit.count > 0;
    if (!heavy) return c->machine.threads > 4 ? 2 : 1;
    return c->machine.threads < 1 ? 1 : c->machine.threads > WN__MOST_LOADER_THREADS ? WN__MOST_LOADER_THREADS : c->machine.threads;
}

wn__loader_options wn__context_loader(const wn__context *c, uint64_t seed, bool dense_stream, int64_t order)
{
    const wn__recipe *r = c->recipe;
    return (wn__loader_options){
        .data = &c->data,
        .part = WN__PART_TRAIN,
        .split = c->split,
        .batch = r->train.batch,
        .last_batch = (wn__last_batch)r->data.last_batch,
        .seed = wn__stream_seed(seed, dense_stream ? WN__STREAM_DENSE : WN__STREAM_RETRAIN, order),
        .order = WN__SAMPLES_SHUFFLED,
        .ideal = r->top.world == WN__WORLD_IDEAL,
        .augment = r->data.augment,
        .transforms = r->data.transforms.count > 0 ? &r->data.transforms : NULL,
        .normalize = c->normalize,
        .stop = c->stop,
        .threads = wn__context_loader_threads(c),
    };
}

void wn__context_third(const wn__context *c, wn__loader_options *loader)
{
    loader->split.train = c->third;
    loader->ideal = false;
    loader->fresh_first = 0;
}

wn__network_info wn__context_network_info(const wn__context *c)
{
    return (wn__network_info){.graph = c->recipe->graph, .data = &c->data, .normalize = &c->normalize};
}

wn_status wn__context_start(wn__context *c, wn__network *net, const wn__backend *backend, wn__dtype dtype)
{
    wn__device *device;
    WN_TRY(wn__context_device(c, backend, dtype, &device));
    return wn__network_start_stored(net, device,
                                    &(wn__executor_options){.batch = c->recipe->train.batch, .memory = wn__recipe_memory(c->recipe)});
}

wn_status wn__context_file_failed(const wn__context *c, int stage, wn_status status)
{
    if (status != WN_EFORMAT && status != WN_ENOTFOUND && status != WN_EIO) return status;
    return wn__fail(status, "%s; --redo \"%s\" makes it again", wn_error_message(), c->plan->stage[stage].label);
}

void wn__context_tell_units(const wn__context *c, const char *label, int64_t done, int64_t all)
{
    if (!c->progress) return;
    const wn_progress p = {.stage = label,
                           .step = done,
                           .last_step = all,
                           .loss = (double)NAN,
                           .rate = (double)NAN,
                           .seconds_left = -1,
                           .stages_done = c->stages_done,
                           .stages = c->stages};
    c->progress(c->user, &p);
}
