#include "data/loader.h"

#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/stop.h"
#include "data/sample_reader.h"

enum {
    AHEAD = 2,            /* slots beside those that threads fill: the caller's, and a ready one */
    LOOK_AGAIN = 50000000 /* ns between looks for a stop request */
};

const char *const wn__last_batch_names[] = {"keep", "drop", "wrap", NULL};

/* Batches are numbered through all epochs: number = epoch * batches + index. Slot number % slots holds it. */
typedef struct loader_slot {
    wn__batch batch;
    int64_t number;   /* of the batch that is ready here; -1: none */
    wn_status status; /* of reading it */
    char fault[512];  /* the message, which belongs to the thread that read */
} loader_slot;

/* What one preparing thread (or the caller, without threads) needs for itself. */
typedef struct loader_scratch {
    wn__loader *loader;
    int64_t *order; /* (samples of the part) of `epoch`; NULL where nothing is shuffled */
    int64_t epoch;  /* -1: none yet */
    wn__sample_reader reader;
    float *kept; /* of mixed batches: an input or a target */
    pthread_t thread;
} loader_scratch;

struct wn__loader {
    wn__loader_options o;
    wn__range range;
    int64_t batches, samples; /* per epoch */
    int64_t elements;         /* of an input */
    bool mixes;               /* batches: targets are distributions */
    loader_slot *slots;
    int slot_count;
    loader_scratch scratch[WN__MOST_LOADER_THREADS];
    int threads, started;

    pthread_mutex_t lock;
    pthread_cond_t prepared, released; /* a batch became ready; a slot became free, or the end */
    int64_t next;                      /* number that the next free thread prepares */
    int64_t taken;                     /* number that wn__loader_next hands out next; taken - 1 is in the caller's hands */
    int busy;                          /* threads preparing a batch now */
    bool ending;
    double waited;
};

/* ---- which sample stands where */

static void need_order(loader_scratch *s, int64_t epoch)
{
    const wn__loader *l = s->loader;
    if (!s->order || s->epoch == epoch) return;
    s->epoch = epoch;
    wn__rng r = wn__rng_make(l->o.seed, WN__FOR_ORDER, (uint64_t)epoch, 0);
    wn__rng_permutation(&r, l->range.count, s->order);
}

/* Sample i of an epoch, counted from the first of the part. */
static int64_t place_of(const loader_scratch *s, int64_t epoch, int64_t i)
{
    const wn__loader *l = s->loader;
    const int64_t n = l->range.count, before = l->o.ideal ? l->o.fresh_first + epoch * n : 0;
    if (l->o.order == WN__SAMPLES_IN_STREAMS) return i % l->o.batch * l->batches + i / l->o.batch;
    return before + (s->order && !(before > 0 && l->o.data->stream) ? s->order[i % n] : i % n);
}

/* ---- preparing a batch */

static void put_distribution(wn__batch *b, int64_t i)
{
    float *row = wn__targets_values(&b->targets, i);
    memset(row, 0, (size_t)b->targets.width * sizeof *row);
    row[*wn__targets_classes(&b->told, i)] = 1;
}

static wn_status prepare_sample(loader_scratch *s, wn__batch *b, int64_t i, int64_t place)
{
    const wn__loader *l = s->loader;
    const wn__dataset *d = l->o.data;
    const bool fresh = d->stream && place >= l->range.count;
    const int64_t sample = l->range.first + place;
    void *input = b->input ? (void *)(b->input + i * l->elements) : (void *)(b->tokens + i * l->elements);
    b->samples[i] = sample;
    WN_TRY(wn__sample_reader_read(&s->reader, fresh ? d->stream : d->source, l->o.part, fresh ? d->stream_first + place : sample, b->epoch,
                                  sample, input, wn__targets_at(&b->told, i)));
    if (l->mixes) put_distribution(b, i);
    return WN_OK;
}

static int32_t largest(const float *share, int64_t classes)
{
    int32_t best = 0;
    for (int32_t c = 1; c < classes; c++)
        if (share[c] > share[best]) best = c;
    return best;
}

/* The class that has most of each sample, the first of equals. */
static void tell_largest(wn__batch *b)
{
    for (int64_t i = 0; i < b->n; i++)
        *wn__targets_classes(&b->told, i) = largest(wn__targets_values(&b->targets, i), b->targets.width);
}

static void mix(loader_scratch *s, wn__batch *b)
{
    const wn__loader *l = s->loader;
    const wn__sample_spec *spec = &l->o.data->facts.sample;
    const wn__mix all = {.n = b->n,
                         .channels = spec->channels,
                         .height = spec->height,
                         .width = spec->width,
                         .input = b->input,
                         .classes = spec->classes,
                         .targets = wn__targets_values(&b->targets, 0),
                         .kept = s->kept};
    wn__transforms_batch(l->o.transforms, (wn__draw){l->o.seed, b->epoch, b->index}, &all);
    tell_largest(b);
}

static wn_status prepare(loader_scratch *s, int64_t number, wn__batch *b)
{
    const wn__loader *l = s->loader;
    const int64_t batch = l->o.batch, begin = number % l->batches * batch;
    b->epoch = number / l->batches;
    b->index = number % l->batches;
    b->n = begin + batch <= l->samples ? batch : l->samples - begin;
    b->continues = l->o.order == WN__SAMPLES_IN_STREAMS && b->index > 0;
    need_order(s, b->epoch);
    for (int64_t i = 0; i < b->n; i++)
        WN_TRY(prepare_sample(s, b, i, place_of(s, b->epoch, begin + i)));
    if (l->mixes) mix(s, b);
    return WN_OK;
}

static void prepare_slot(loader_scratch *s, int64_t number, loader_slot *slot)
{
    slot->status = prepare(s, number, &slot->batch);
    if (slot->status != WN_OK) snprintf(slot->fault, sizeof slot->fault, "%s", wn_error_message());
}

static void *prepare_ahead(void *arg)
{
    loader_scratch *s = arg;
    wn__loader *l = s->loader;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        /* The batch in the caller's hands keeps its slot. */
        while (!l->ending && l->next >= l->taken - 1 + l->slot_count)
            pthread_cond_wait(&l->released, &l->lock);
        if (l->ending) break;
        const int64_t number = l->next++;
        loader_slot *slot = &l->slots[number % l->slot_count];
        l->busy++;
        pthread_mutex_unlock(&l->lock);
        prepare_slot(s, number, slot);
        pthread_mutex_lock(&l->lock);
        l->busy--;
        slot->number = number;
        pthread_cond_broadcast(&l->prepared);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

/* ---- making and ending */

void wn__loader_unaugmented(wn__loader_options *o)
{
    o->augment = (wn__augment){0};
    o->transforms = NULL;
}

static wn_status check_mixing(const wn__loader_options *o)
{
    const wn__sample_spec *s = &o->data->facts.sample;
    if (!wn__transforms_mix(o->transforms)) return WN_OK;
    WN_TRY(wn__sample_needs_class(s, "mixing of batches"));
    if (o->last_batch == WN__LAST_WRAP)
        return wn__fail(WN_EUSAGE, "last_batch: wrap takes samples again, and a mixed sample has one mix an epoch; valid: keep, drop");
    return WN_OK;
}

static wn_status check_augment(const wn__loader_options *o)
{
    const wn__sample_spec *s = &o->data->facts.sample;
    const int side = s->height < s->width ? s->height : s->width;
    if (s->input != WN_INPUT_PIXELS && (o->transforms || !wn__augment_is_none(&o->augment)))
        return wn__fail(WN_EUSAGE, "augmentation is of pixels; the inputs of %s are none", o->data->type->name);
    if (o->augment.reflect && o->augment.pad >= side)
        return wn__fail(WN_EINVAL, "pad-crop-%d-reflect on images of %d x %d: the padding must be smaller", o->augment.pad, s->height,
                        s->width);
    return check_mixing(o);
}

static wn_status check_options(const wn__loader_options *o, wn__range range)
{
    if (o->batch < 1) return wn__fail(WN_EINVAL, "batch of %" PRId64 ", must be at least 1", o->batch);
    if (o->threads < 0 || o->threads > WN__MOST_LOADER_THREADS)
        return wn__fail(WN_EINVAL, "%d loader threads, valid is 0 to %d", o->threads, WN__MOST_LOADER_THREADS);
    if (range.count < 1) return wn__fail(WN_EINVAL, "the %s part of %s is empty", wn__part_name(o->part), o->data->type->name);
    if (o->last_batch == WN__LAST_DROP && range.count < o->batch)
        return wn__fail(WN_EINVAL, "%" PRId64 " images make no batch of %" PRId64 " when the last batch is dropped", range.count, o->batch);
    if (o->ideal && o->part == WN__PART_TRAIN && o->last_batch == WN__LAST_WRAP && range.count % o->batch != 0)
        return wn__fail(WN_EUSAGE, "last_batch: wrap takes samples again, which the ideal world does not");
    if (o->ideal && o->part == WN__PART_TRAIN && o->fresh_first != 0 && o->fresh_first < range.count)
        return wn__fail(WN_EINVAL, "the ideal world begins at sample %" PRId64 " of the training images", o->fresh_first);
    return check_augment(o);
}

static wn_status take_scratch(wn__loader *l, loader_scratch *s)
{
    const wn__loader_options *o = &l->o;
    const int64_t classes = o->data->facts.sample.classes, kept = classes > l->elements ? classes : l->elements;
    *s = (loader_scratch){
        .loader = l,
        .epoch = -1,
        .reader = {.data = o->data, .augment = o->augment, .transforms = o->transforms, .normalize = o->normalize, .seed = o->seed}};
    if (l->mixes && !(s->kept = WN_NEW_ARRAY(float, kept))) return wn__no_memory((size_t)kept * sizeof(float));
    if (l->o.order == WN__SAMPLES_SHUFFLED && !(s->order = WN_NEW_ARRAY(int64_t, l->range.count)))
        return wn__no_memory((size_t)l->range.count * sizeof(int64_t));
    return wn__sample_reader_open(&s->reader);
}

static wn_status take_batch(const wn__loader *l, wn__batch *b)
{
    const wn__sample_spec *spec = &l->o.data->facts.sample;
    void *input = wn__alloc_array(l->o.batch * l->elements, sizeof(float));
    if (spec->input == WN_INPUT_TOKENS)
        b->tokens = input;
    else
        b->input = input;
    b->samples = WN_NEW_ARRAY(int64_t, l->o.batch);
    if (!input || !b->samples) return wn__no_memory((size_t)(l->o.batch * l->elements) * sizeof(float));
    WN_TRY(wn__targets_alloc(spec->target, wn__sample_target_width(spec), l->o.batch, &b->told));
    if (l->mixes) return wn__targets_alloc(WN_TARGET_DISTRIBUTION, spec->classes, l->o.batch, &b->targets);
    b->targets = b->told;
    return WN_OK;
}

static int slots_of(int threads) { return threads ? threads + AHEAD : 1; }

int64_t wn__loader_room(const wn__sample_spec *spec, int64_t batch, int threads)
{
    const int64_t sample = wn__sample_elements(spec) * 4 + wn__sample_target_width(spec) * 4 + 8;
    return slots_of(threads) * batch * sample;
}

static wn_status take_memory(wn__loader *l)
{
    for (int i = 0; i < (l->threads ? l->threads : 1); i++)
        WN_TRY(take_scratch(l, &l->scratch[i]));
    l->slot_count = slots_of(l->threads);
    l->slots = WN_NEW_ARRAY(loader_slot, l->slot_count);
    if (!l->slots) return wn__no_memory((size_t)l->slot_count * sizeof(loader_slot));
    for (int i = 0; i < l->slot_count; i++) {
        l->slots[i].number = -1;
        WN_TRY(take_batch(l, &l->slots[i].batch));
    }
    return WN_OK;
}

/* Signals stay with the threads of the program. */
static wn_status start_threads(wn__loader *l)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int fault = 0;
    for (; l->started < l->threads && fault == 0; l->started += fault == 0)
        fault = pthread_create(&l->scratch[l->started].thread, NULL, prepare_ahead, &l->scratch[l->started]);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return fault ? wn__fail(WN_EIO, "cannot start a loader thread: %s", strerrordesc_np(fault)) : WN_OK;
}

wn_status wn__loader_new(const wn__loader_options *o, wn__loader **out)
{
    const wn__range range = wn__split_range(&o->split, o->part);
    WN_TRY(check_options(o, range));
    wn__loader *l = WN_NEW(wn__loader);
    if (!l) return wn__no_memory(sizeof(*l));
    l->o = *o;
    l->o.ideal = o->ideal && o->part == WN__PART_TRAIN;
    const bool reads_on = o->data->source->in_order || (o->data->stream && o->data->stream->in_order);
    if (o->data->source->in_order && o->order == WN__SAMPLES_SHUFFLED) l->o.order = WN__SAMPLES_IN_ORDER;
    if (o->order == WN__SAMPLES_IN_STREAMS) l->o.last_batch = WN__LAST_DROP;
    l->range = range;
    l->elements = wn__sample_elements(&o->data->facts.sample);
    l->mixes = wn__transforms_mix(o->transforms);
    l->threads = reads_on && o->threads > 1 ? 1 : o->threads;
    l->batches = l->o.last_batch == WN__LAST_DROP ? range.count / o->batch : (range.count + o->batch - 1) / o->batch;
    l->samples = l->o.last_batch == WN__LAST_KEEP ? range.count : l->batches * o->batch;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->prepared, NULL);
    pthread_cond_init(&l->released, NULL);
    wn_status status = take_memory(l);
    if (status == WN_OK) status = start_threads(l);
    if (status != WN_OK) {
        wn__loader_free(l);
        return status;
    }
    *out = l;
    return WN_OK;
}

void wn__loader_free(wn__loader *l)
{
    if (!l) return;
    pthread_mutex_lock(&l->lock);
    l->ending = true;
    pthread_cond_broadcast(&l->released);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->started; i++)
        pthread_join(l->scratch[i].thread, NULL);
    pthread_cond_destroy(&l->prepared);
    pthread_cond_destroy(&l->released);
    pthread_mutex_destroy(&l->lock);
    for (int i = 0; i < WN__MOST_LOADER_THREADS; i++) {
        wn__free(l->scratch[i].order);
        wn__free(l->scratch[i].kept);
        wn__sample_reader_close(&l->scratch[i].reader);
    }
    for (int i = 0; l->slots && i < l->slot_count; i++) {
        wn__free(l->slots[i].batch.input);
        wn__free(l->slots[i].batch.tokens);
        wn__targets_release(&l->slots[i].batch.told);
        if (l->mixes) wn__targets_release(&l->slots[i].batch.targets);
        wn__free(l->slots[i].batch.samples);
    }
    wn__free(l->slots);
    wn__free(l);
}

/* ---- handing out */

int64_t wn__loader_batches(const wn__loader *l) { return l->batches; }
int64_t wn__loader_samples(const wn__loader *l) { return l->samples; }
wn_target_kind wn__loader_target_kind(const wn__loader *l) { return l->mixes ? WN_TARGET_DISTRIBUTION : l->o.data->facts.sample.target; }
double wn__loader_waited(const wn__loader *l) { return l->waited; }

static wn_status hand_out(const loader_slot *slot, const wn__batch **batch)
{
    if (slot->status != WN_OK) return wn__fail(slot->status, "%s", slot->fault);
    *batch = &slot->batch;
    return WN_OK;
}

/* False if a stop was requested first: nothing tells a condition of that, so it is asked now and then. */
static bool wait_for(wn__loader *l, const loader_slot *slot)
{
    while (slot->number != l->taken) {
        struct timespec until;
        if (wn__stop_wanted(l->o.stop)) return false;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += LOOK_AGAIN;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_clockwait(&l->prepared, &l->lock, CLOCK_MONOTONIC, &until);
    }
    return true;
}

wn_status wn__loader_next(wn__loader *l, const wn__batch **batch)
{
    loader_slot *slot = &l->slots[l->taken % l->slot_count];
    if (!l->threads) {
        prepare_slot(&l->scratch[0], l->taken++, slot);
        return hand_out(slot, batch);
    }
    const double begin = wn__seconds();
    pthread_mutex_lock(&l->lock);
    const bool ready = wait_for(l, slot);
    if (ready) {
        l->taken++; /* the batch before is given back: its slot is free */
        pthread_cond_signal(&l->released);
    }
    pthread_mutex_unlock(&l->lock);
    l->waited += wn__seconds() - begin;
    return ready ? hand_out(slot, batch) : wn__fail(WN_ESTOPPED, "stopped while waiting for samples of %s", l->o.data->type->name);
}

wn_status wn__loader_seek(wn__loader *l, int64_t epoch, int64_t batch)
{
    if (epoch < 0 || batch < 0 || batch > l->batches)
        return wn__fail(WN_EINVAL, "no position: epoch %" PRId64 ", batch %" PRId64 " of %" PRId64, epoch, batch, l->batches);
    const int64_t number = epoch * l->batches + batch;
    pthread_mutex_lock(&l->lock);
    if (number != l->taken) {
        l->next = INT64_MAX; /* nothing new is begun until the running ones are through */
        while (l->busy > 0)
            pthread_cond_wait(&l->prepared, &l->lock);
        for (int i = 0; i < l->slot_count; i++)
            l->slots[i].number = -1;
        l->next = l->taken = number;
        pthread_cond_broadcast(&l->released);
    }
    pthread_mutex_unlock(&l->lock);
    return WN_OK;
}
