#include "data/registered.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/options.h"
#include "base/text.h"
#include "data/targets.h"
#include "winnow/source.h"

enum { LONGEST_NAME = 60, MESSAGE = 512 };

typedef struct registered registered;
struct registered {
    wn__dataset_type type;
    wn_source source; /* but for its texts and arrays, which are the caller's; `type` has its own */
    const char **class_names;
    int holds;
    pthread_mutex_t reading; /* of a stream */
    int64_t next[2];         /* of its parts: the sample that comes without a seek; -1: none */
    registered *after;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all below, and of holds */
static registered *first;
static int inside;       /* those who have entered */
static registered *gone; /* unregistered since */

/* ---- reading */

static const char *part_of(const wn_source_sample *s) { return s->part == WN_SOURCE_TEST ? "test" : "training"; }

static wn_status fail_read(const registered *r, const wn_source_sample *s, const char *what, int code)
{
    const bool known = strcmp(wn_status_name((wn_status)code), "?") != 0;
    return wn__fail(known ? (wn_status)code : WN_EIO, "%s: %s %s sample %" PRId64 ": %s (code %d)", r->type.name, what, part_of(s),
                    s->index, *s->message ? s->message : "no message", code);
}

static wn_status check_input(const registered *r, const wn_source_sample *s)
{
    const wn__sample_spec *spec = &r->type.facts.sample;
    const int32_t *token = s->input;
    if (!token || spec->input != WN_INPUT_TOKENS) return WN_OK;
    for (int64_t i = 0; i < spec->width; i++)
        if (token[i] < 0 || token[i] >= spec->vocabulary)
            return wn__fail(WN_EFORMAT, "%s: %s sample %" PRId64 " has token %" PRId32 ", must be 0 to %d", r->type.name, part_of(s),
                            s->index, token[i], spec->vocabulary - 1);
    return WN_OK;
}

static wn_status check_target(const registered *r, const wn_source_sample *s)
{
    const wn__sample_spec *spec = &r->type.facts.sample;
    const wn_status status = wn__target_check(spec->target, wn__sample_target_width(spec), spec->classes, s->target);
    return status == WN_OK ? status : wn__fail_within(status, "%s: %s sample %" PRId64 " has ", r->type.name, part_of(s), s->index);
}

static wn_status call(registered *r, const wn_source_sample *s)
{
    const int code = r->source.read(r->source.user, s);
    s->message[MESSAGE - 1] = 0;
    if (code != 0) return fail_read(r, s, "reading", code);
    WN_TRY(check_input(r, s));
    return check_target(r, s);
}

/* Under its lock. */
static wn_status call_stream(registered *r, const wn_source_sample *s)
{
    wn_source_sample place = *s;
    place.input = place.target = NULL;
    const int code = s->index == r->next[s->part] ? 0 : r->source.seek(r->source.user, &place);
    r->next[s->part] = -1;
    if (code != 0) return fail_read(r, s, "seeking", code);
    WN_TRY(call(r, s));
    r->next[s->part] = s->index + 1;
    return WN_OK;
}

typedef struct opened {
    wn__sample_source source;
    registered *set;
} opened;

static wn_status read_opened(wn__sample_source *source, wn__part part, int64_t index, wn__scratch *scratch, wn__sample_input *input,
                             void *target)
{
    registered *r = ((opened *)source)->set;
    const wn__sample_spec *spec = &r->type.facts.sample;
    const size_t bytes = (size_t)wn__sample_input_bytes(spec);
    char message[MESSAGE] = "";
    const wn_source_sample s = {.part = part == WN__PART_TEST ? WN_SOURCE_TEST : WN_SOURCE_TRAIN,
                                .index = index,
                                .input = input ? wn__scratch_take(scratch, bytes) : NULL,
                                .target = target,
                                .message = message,
                                .message_size = sizeof message};
    if (input && !s.input) return wn__no_memory(bytes);
    if (input) *input = (wn__sample_input){s.input, spec->height, spec->width};
    if (!r->source.seek) return call(r, &s);
    pthread_mutex_lock(&r->reading);
    const wn_status status = call_stream(r, &s);
    pthread_mutex_unlock(&r->reading);
    return status;
}

static void close_opened(wn__sample_source *source) { wn__free(source); }

static wn_status open_registered(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__dataset *data)
{
    (void)config, (void)folder, (void)pool;
    registered *r = (registered *)type; /* its first member */
    opened *o = WN_NEW(opened);
    if (!o) return wn__no_memory(sizeof *o);
    *o = (opened){{.train_count = r->source.train_count,
                   .test_count = r->source.test_count,
                   .in_order = r->source.seek != NULL,
                   .read = read_opened,
                   .close = close_opened},
                  r};
    data->source = &o->source;
    return WN_OK;
}

/* ---- what is registered */

static wn_status check_name(const char *name)
{
    static const char valid[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    const size_t length = name ? strlen(name) : 0;
    if (length >= 1 && length <= LONGEST_NAME && strspn(name, valid) == length) return WN_OK;
    return wn__fail(WN_EINVAL, "source \"%s\": a name has 1 to %d letters, digits, - and _", name ? name : "", LONGEST_NAME);
}

/* It stands in keys, one line each, and an empty one looks like none. */
static wn_status check_version(const wn_source *s)
{
    bool good = !s->version || *s->version;
    for (const char *c = s->version; c && *c; c++)
        good = good && (unsigned char)*c >= ' ';
    return good ? WN_OK : wn__fail(WN_EINVAL, "source %s: a version is one line of text that is not empty, or NULL for none", s->name);
}

static wn_status check_source(const wn_source *s, const wn__sample_spec *spec)
{
    WN_TRY(check_name(s->name));
    WN_TRY(check_version(s));
    if ((unsigned)s->input > WN_INPUT_TOKENS || (unsigned)s->target > WN_TARGET_POSITIONS)
        return wn__fail(WN_EINVAL, "source %s: input %d, target %d, must be of wn_input_kind and wn_target_kind", s->name, (int)s->input,
                        (int)s->target);
    const wn_status status = wn__sample_spec_check(spec);
    if (status != WN_OK) return wn__fail_within(status, "source %s: ", s->name);
    if (s->train_count < 1 || s->test_count < 1)
        return wn__fail(WN_EINVAL, "source %s: %" PRId64 " training and %" PRId64 " test samples, must be at least 1 of each", s->name,
                        s->train_count, s->test_count);
    if (!s->read) return wn__fail(WN_EINVAL, "source %s: read is NULL", s->name);
    for (int k = 0; s->class_names && k < s->outputs; k++)
        if (!s->class_names[k]) return wn__fail(WN_EINVAL, "source %s: the name of class %d is NULL", s->name, k);
    for (int c = 0; s->input == WN_INPUT_PIXELS && s->mean && c < s->channels; c++)
        if (!isfinite(s->mean[c])) return wn__fail(WN_EINVAL, "source %s: mean of channel %d is %g", s->name, c, (double)s->mean[c]);
    for (int c = 0; s->input == WN_INPUT_PIXELS && s->std && c < s->channels; c++)
        if (!(s->std[c] > 0) || !isfinite(s->std[c]))
            return wn__fail(WN_EINVAL, "source %s: std of channel %d is %g, must be positive", s->name, c, (double)s->std[c]);
    return WN_OK;
}

/* What results depend on, but for the name. Without a version it is of this registration alone. */
static wn_status make_key(registered *r, const wn_source *s)
{
    wn__text t = {0};
    unsigned char once[16] = {0};
    if (!s->version && getentropy(once, sizeof once) != 0) return wn__fail_errno("random bytes");
    wn__text_add(&t, "%s %s|", s->version ? "version" : "once", s->version ? s->version : "");
    for (size_t i = 0; i < sizeof once; i++)
        wn__text_add(&t, "%02x", once[i]);
    wn__text_add(&t, "|%d %d %d %d %d|%d %d %" PRId64 "|%" PRId64 " %" PRId64 " %d", (int)s->input, s->channels, s->height, s->width,
                 s->vocabulary, (int)s->target, s->outputs, s->positions, s->train_count, s->test_count, s->seek != NULL);
    for (int c = 0; c < WN__MAX_CHANNELS; c++)
        wn__text_add(&t, " %a %a", (double)r->type.mean[c], (double)r->type.std[c]);
    const wn_status status = t.failed ? wn__no_memory(t.size) : wn__sha256(t.data, t.size, r->type.facts.contents_key);
    wn__text_release(&t);
    return status;
}

/* Names of classes where they say something. */
static wn_status name_classes(registered *r, const wn_source *s)
{
    const bool named =
        s->target == WN_TARGET_CLASS || s->target == WN_TARGET_CLASSES || s->target == WN_TARGET_DISTRIBUTION || s->class_names;
    if (!named) return WN_OK;
    r->class_names = WN_NEW_ARRAY(const char *, s->outputs);
    if (!r->class_names) return wn__no_memory((size_t)s->outputs * sizeof *r->class_names);
    for (int k = 0; k < s->outputs; k++) {
        char number[16];
        snprintf(number, sizeof number, "%d", k);
        if (!(r->class_names[k] = wn__strdup(s->class_names ? s->class_names[k] : number))) return wn__no_memory(64);
    }
    r->type.facts.sample.class_names = r->class_names;
    return WN_OK;
}

static void release(registered *r)
{
    for (int k = 0; r->class_names && k < r->source.outputs; k++)
        wn__free((char *)r->class_names[k]);
    wn__free(r->class_names);
    wn__free((char *)r->type.name);
    wn__free((char *)r->type.summary);
    pthread_mutex_destroy(&r->reading);
    wn__free(r);
}

static wn_status fill(registered *r, const wn_source *s, const wn__sample_spec *spec)
{
    r->source = *s;
    r->next[0] = r->next[1] = -1;
    pthread_mutex_init(&r->reading, NULL);
    r->type = (wn__dataset_type){.name = wn__strdup(s->name),
                                 .summary = wn__strdup(s->summary ? s->summary : "registered by the program"),
                                 .license = "the program's own",
                                 .facts = {.sample = *spec, .train_count = s->train_count, .test_count = s->test_count},
                                 .open = open_registered};
    if (!r->type.name || !r->type.summary) return wn__no_memory(64);
    for (int c = 0; c < WN__MAX_CHANNELS; c++) {
        const bool given = s->input == WN_INPUT_PIXELS && c < s->channels;
        r->type.mean[c] = given && s->mean ? s->mean[c] : 0;
        r->type.std[c] = given && s->std ? s->std[c] : 1;
    }
    WN_TRY(name_classes(r, s));
    return make_key(r, s);
}

/* ---- the list */

static registered *find(const char *name)
{
    registered *r = first;
    while (r && strcmp(r->type.name, name) != 0)
        r = r->after;
    return r;
}

void wn__registered_enter(void)
{
    pthread_mutex_lock(&lock);
    inside++;
    pthread_mutex_unlock(&lock);
}

void wn__registered_leave(void)
{
    pthread_mutex_lock(&lock);
    registered *r = --inside == 0 ? gone : NULL;
    if (r) gone = NULL;
    pthread_mutex_unlock(&lock);
    for (registered *after; r; r = after) {
        after = r->after;
        release(r);
    }
}

const wn__dataset_type *wn__registered_at(int index)
{
    pthread_mutex_lock(&lock);
    const registered *r = first;
    for (; r && index > 0; index--)
        r = r->after;
    pthread_mutex_unlock(&lock);
    return r ? &r->type : NULL;
}

const wn__dataset_type *wn__registered_find(const char *name)
{
    pthread_mutex_lock(&lock);
    const registered *r = find(name);
    pthread_mutex_unlock(&lock);
    return r ? &r->type : NULL;
}

const wn__dataset_type *wn__registered_hold(const char *name)
{
    pthread_mutex_lock(&lock);
    registered *r = find(name);
    if (r) r->holds++;
    pthread_mutex_unlock(&lock);
    return r ? &r->type : NULL;
}

void wn__registered_drop(const wn__dataset_type *type)
{
    if (!type || type->open != open_registered) return;
    pthread_mutex_lock(&lock);
    ((registered *)type)->holds--;
    pthread_mutex_unlock(&lock);
}

static bool is_listed(const char *name)
{
    for (int i = 0; wn__datasets[i]; i++)
        if (strcmp(wn__datasets[i]->name, name) == 0) return true;
    return false;
}

/* At the end, so that the order of listings is that of registering. */
static wn_status add(registered *r)
{
    registered **end = &first;
    if (is_listed(r->type.name)) return wn__fail(WN_EINVAL, "source %s: there is a data set of this name", r->type.name);
    pthread_mutex_lock(&lock);
    const bool taken = find(r->type.name) != NULL;
    while (*end)
        end = &(*end)->after;
    if (!taken) *end = r;
    pthread_mutex_unlock(&lock);
    return taken ? wn__fail(WN_EINVAL, "source %s: is registered already", r->type.name) : WN_OK;
}

wn_status wn_source_register(const wn_source *source)
{
    WN__NEED(source);
    WN__COMPLETE(wn_source, source);
    const wn__sample_spec spec = {.input = source->input,
                                  .channels = source->channels,
                                  .height = source->height,
                                  .width = source->width,
                                  .vocabulary = source->vocabulary,
                                  .target = source->target,
                                  .classes = source->outputs,
                                  .positions = source->positions};
    WN_TRY(check_source(source, &spec));
    registered *r = WN_NEW(registered);
    if (!r) return wn__no_memory(sizeof *r);
    wn_status status = fill(r, source, &spec);
    if (status == WN_OK) status = add(r);
    if (status != WN_OK) release(r);
    return status;
}

wn_status wn_source_unregister(const char *name)
{
    WN__NEED(name);
    pthread_mutex_lock(&lock);
    registered **at = &first;
    while (*at && strcmp((*at)->type.name, name) != 0)
        at = &(*at)->after;
    registered *r = *at;
    const bool busy = r && r->holds > 0;
    const bool later = r && !busy && inside > 0;
    if (r && !busy) *at = r->after;
    if (later) {
        r->after = gone;
        gone = r;
    }
    pthread_mutex_unlock(&lock);
    if (!r) return wn__fail(WN_ENOTFOUND, "no source \"%s\" is registered", name);
    if (busy) return wn__fail(WN_EBUSY, "source %s: in use by a recipe or a network", name);
    if (!later) release(r);
    return WN_OK;
}
