#include "backend/sparse/choice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/trial.h"
#include "base/cpu.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/locale.h"
#include "base/log.h"
#include "base/text.h"

#define LEAST_DENSITY 0.4        /* an expanded weight takes at most half as much as the compressed one with gradients and pattern */
#define MOST_ENTRIES (16L << 20) /* of an expanded weight: 64 MB */
#define LEAST_ENTRIES 1024       /* smaller layers aren't worth a measurement */
#define TRIAL_WORK 20e6          /* multiply-adds of 16 images, at most: a fraction of a millisecond */
#define TRIAL_IMAGES 128         /* of linear layers, at most */
#define ROUNDS 3
#define MOST_FILE_BYTES (1 << 20)

static const char header[] = "winnow kernels 2\n"; /* to be raised when kernels become faster or slower */

wn_status wn__kernels_asked(wn__kernels wanted, wn__kernels *out)
{
    const char *name = getenv("WINNOW_KERNELS");
    *out = wanted;
    if (!name || !name[0]) return WN_OK;
    for (int i = 0; wn__kernels_names[i]; i++)
        if (strcmp(name, wn__kernels_names[i]) == 0) {
            *out = (wn__kernels)i;
            return WN_OK;
        }
    return wn__fail(WN_EUSAGE, "WINNOW_KERNELS=%s; valid: measured, sparse, dense", name);
}

const char *wn__choice_name(const bool dense[WN__CHOICES])
{
    static const char *const names[] = {"winnow lanes",
                                        "winnow lanes, dense forward",
                                        "winnow lanes, dense backward data",
                                        "winnow lanes, dense forward and backward data",
                                        "winnow lanes, dense backward params",
                                        "winnow lanes, dense forward and backward params",
                                        "winnow lanes, dense backward",
                                        "winnow lanes, dense"};
    return names[dense[WN__CHOICE_FORWARD] + 2 * dense[WN__CHOICE_DATA] + 4 * dense[WN__CHOICE_PARAMS]];
}

/* --- verdicts -------------------------------------------------------------------------------------------------------------------- */

typedef struct verdict {
    char isa[16], shape[80], cpu[64];
    double density[WN__CHOICES];
} verdict;

struct wn__verdicts {
    verdict *item;
    int count;
};

void wn__verdicts_free(wn__verdicts *v)
{
    if (!v) return;
    wn__free(v->item);
    wn__free(v);
}

static bool is_same(const verdict *a, const verdict *b)
{
    return strcmp(a->isa, b->isa) == 0 && strcmp(a->shape, b->shape) == 0 && strcmp(a->cpu, b->cpu) == 0;
}

static const verdict *find(const wn__verdicts *v, const verdict *like)
{
    for (int i = 0; i < v->count; i++)
        if (is_same(&v->item[i], like)) return &v->item[i];
    return NULL;
}

static void add(wn__verdicts *v, const verdict *one)
{
    if (find(v, one) || wn__make_room(&v->item, v->count, sizeof *v->item) != WN_OK) return;
    v->item[v->count++] = *one;
}

/* --- the file -------------------------------------------------------------------------------------------------------------------- */

static bool read_line(const char *line, verdict *v)
{
    bool good = true;
    for (int i = 0; i < WN__CHOICES; i++) {
        char *rest;
        v->density[i] = wn__strtod(line, &rest);
        good = good && rest != line && v->density[i] >= 0 && v->density[i] <= 2;
        line = rest;
    }
    int end = 0;
    return good && sscanf(line, "\t%15[^\t\n]\t%79[^\t\n]\t%63[^\t\n]%n", v->isa, v->shape, v->cpu, &end) == 3 && line[end] == '\n';
}

/* Lines that can't be read, and files that can't, are as if they weren't there. */
static void read_verdicts(const char *path, wn__verdicts *v)
{
    char *text;
    size_t size;
    int64_t length;
    if (!wn__file_exists(path) || wn__file_size(path, &length) != WN_OK) return;
    if (length > MOST_FILE_BYTES) {
        wn__log(WN_LOG_WARNING, "%s: not read, since it has over %d bytes: kernels are measured again; it may be removed", path,
                MOST_FILE_BYTES);
        return;
    }
    if (wn__file_read(path, &text, &size) != WN_OK) return;
    const bool known = strncmp(text, header, sizeof header - 1) == 0;
    for (const char *line = text; known && line; line = strchr(line, '\n')) {
        verdict one;
        if (line != text) line++;
        if (read_line(line, &one)) add(v, &one);
    }
    wn__free(text);
}

static void write_verdicts(const char *path, const wn__verdicts *v)
{
    wn__text text = {0};
    wn__text_add(&text, "%s", header);
    for (int i = 0; i < v->count; i++) {
        const verdict *one = &v->item[i];
        wn__text_add(&text, "%.4f %.4f %.4f\t%s\t%s\t%s\n", one->density[0], one->density[1], one->density[2], one->isa, one->shape,
                     one->cpu);
    }
    if (text.failed || wn__file_write(path, text.data, strlen(text.data)) != WN_OK)
        wn__log(WN_LOG_INFO, "%s: measured break-even densities could not be kept", path);
    wn__text_release(&text);
}

/* Reads what others have measured in the meantime, too. */
static void exchange(wn__verdicts *v, bool write)
{
    char *folder = wn__cache_folder(), *path = folder ? wn__path_join(folder, "kernels") : NULL;
    if (path) read_verdicts(path, v);
    if (path && write && wn__make_folders(folder) == WN_OK) write_verdicts(path, v);
    wn__free(path);
    wn__free(folder);
}

/* --- measuring ------------------------------------------------------------------------------------------------------------------- */

static double work_of(const wn__op_desc *d)
{
    if (d->kind == WN__OP_LINEAR) return (double)d->n * (double)d->in_c * (double)d->out_c;
    return (double)(d->n * d->out_h * d->out_w) * (double)d->out_c * (double)d->in_c * d->kernel_h * d->kernel_w;
}

static void halve(int64_t *size, int64_t least) { *size = *size / 2 > least ? *size / 2 : *size < least ? *size : least; }

/* A smaller layer whose kernels do the same: one block of images, fewer rows, then fewer channels. */
static wn__op_desc smaller(const wn__op_desc *d)
{
    wn__op_desc s = {.kind = d->kind, .n = WN__CHUNK, .in_c = d->in_c, .in_h = d->in_h, .in_w = d->in_w, .out_c = d->out_c};
    const bool conv = d->kind == WN__OP_CONV;
    const int64_t least_h = 4 * (int64_t)(d->stride > 1 ? d->stride : 1);
    s.inputs = s.groups = s.stride = 1;
    s.input_gradient = true;
    if (conv) {
        s.kernel_h = d->kernel_h, s.kernel_w = d->kernel_w, s.stride = d->stride, s.pad = d->pad;
        /* The gradient of the input is timed where the network needs none, too: its windows reach over the edges of the output's. */
        const int widest = d->kernel_h > d->kernel_w ? d->kernel_h : d->kernel_w;
        s.in_border[0] = d->in_border[0], s.out_border = d->out_border > widest ? d->out_border : widest;
        s.out_h = d->out_h, s.out_w = d->out_w;
    } else {
        s.n = d->n < TRIAL_IMAGES ? d->n : TRIAL_IMAGES;
        s.in_c = d->in_c * d->in_h * d->in_w;
        s.in_h = s.in_w = s.out_h = s.out_w = 1;
    }
    while (conv && work_of(&s) > TRIAL_WORK && s.in_h > least_h && s.in_h / 2 + 2 * s.pad >= s.kernel_h) {
        halve(&s.in_h, least_h);
        s.out_h = (s.in_h + 2 * s.pad - s.kernel_h) / s.stride + 1;
    }
    while (work_of(&s) > TRIAL_WORK && (s.in_c > 32 || s.out_c > 32))
        halve(s.in_c > s.out_c ? &s.in_c : &s.out_c, 32);
    return s;
}

enum { HALF, FULL, DENSE, SIDES };

/* All sides take turns; the least time of each counts. */
static wn_status time_sides(wn__trial *const side[SIDES], double seconds[SIDES][WN__CHOICES])
{
    static const wn__phase phases[] = {
        [WN__CHOICE_FORWARD] = WN__FORWARD, [WN__CHOICE_DATA] = WN__BACKWARD_DATA, [WN__CHOICE_PARAMS] = WN__BACKWARD_PARAMS};
    for (int round = 0; round <= ROUNDS; round++) /* the first one warms up */
        for (int i = 0; i < SIDES; i++)
            for (int p = 0; p < WN__CHOICES; p++) {
                double taken;
                WN_TRY(wn__trial_run(side[i], phases[p], &taken));
                if (round < 2 || taken < seconds[i][p]) seconds[i][p] = taken;
            }
    return WN_OK;
}

static wn_status measure_sides(wn__sparse own[SIDES], const wn__op_desc *d, wn__pattern pattern[SIDES], double density[WN__CHOICES])
{
    const int64_t rows = d->out_c, columns = d->in_c * (d->kind == WN__OP_CONV ? (int64_t)d->kernel_h * d->kernel_w : 1);
    wn__rng rng = wn__rng_make(0, WN__FOR_TEST, 0, 0);
    wn__trial *side[SIDES] = {NULL};
    double seconds[SIDES][WN__CHOICES];
    wn_status status = wn__pattern_random(rows, columns, (rows * columns + 1) / 2, &rng, &pattern[HALF]);
    for (int i = 0; status == WN_OK && i < SIDES; i++) {
        if (i != HALF) status = wn__pattern_full(rows, columns, &pattern[i]);
        if (status == WN_OK) status = wn__trial_new(&own[i].base, d, &pattern[i], &side[i]);
    }
    if (status == WN_OK) status = time_sides(side, seconds);
    for (int p = 0; status == WN_OK && p < WN__CHOICES; p++) {
        const double half = seconds[HALF][p], full = seconds[FULL][p], dense = seconds[DENSE][p];
        const double even = full > half ? 0.5 + 0.5 * (dense - half) / (full - half) : dense < half ? 0 : 2;
        density[p] = even < 0 ? 0 : even > 2 ? 2 : even;
    }
    for (int i = 0; i < SIDES; i++)
        wn__trial_free(side[i]);
    return status;
}

/* One thread, whatever the device has: threads share out blocks or rows, each of which one of them computes. */
static wn_status measure(const wn__sparse *device, const wn__op_desc *desc, double density[WN__CHOICES])
{
    wn__sparse own[SIDES];
    wn__pattern pattern[SIDES] = {{0}};
    const wn__op_desc d = smaller(desc);
    for (int i = 0; i < SIDES; i++) {
        own[i] = *device;
        own[i].base.pool = NULL;
        own[i].kernels_wanted = i == DENSE ? WN__KERNELS_DENSE : WN__KERNELS_SPARSE;
    }
    const wn_status status = measure_sides(own, &d, pattern, density);
    for (int i = 0; i < SIDES; i++)
        wn__pattern_release(&pattern[i]);
    return status;
}

/* --- choosing -------------------------------------------------------------------------------------------------------------------- */

static void name_shape(const wn__op_desc *d, verdict *v)
{
    snprintf(v->isa, sizeof v->isa, "%s", wn__isa_name(wn__isa_in_use()));
    snprintf(v->cpu, sizeof v->cpu, "%s", wn__cpu_name());
    if (d->kind == WN__OP_LINEAR)
        snprintf(v->shape, sizeof v->shape, "linear %lld %lld, %lld blocks", (long long)(d->in_c * d->in_h * d->in_w), (long long)d->out_c,
                 (long long)wn__chunks(d->n));
    else
        snprintf(v->shape, sizeof v->shape, "conv %lld %lld, %lldx%lld, %dx%d stride %d pad %d", (long long)d->in_c, (long long)d->out_c,
                 (long long)d->in_h, (long long)d->in_w, d->kernel_h, d->kernel_w, d->stride, d->pad);
}

wn_status wn__break_even(wn__sparse *device, const wn__op_desc *desc, double density[WN__CHOICES])
{
    verdict wanted;
    memset(&wanted, 0, sizeof wanted);
    name_shape(desc, &wanted);
    if (!device->verdicts) {
        if (!(device->verdicts = WN_NEW(wn__verdicts))) return wn__no_memory(sizeof *device->verdicts);
        exchange(device->verdicts, false);
    }
    const verdict *known = find(device->verdicts, &wanted);
    if (!known) {
        WN_TRY(measure(device, desc, wanted.density));
        add(device->verdicts, &wanted);
        exchange(device->verdicts, true);
        known = &wanted;
    }
    memcpy(density, known->density, sizeof known->density);
    return WN_OK;
}

void wn__choose(wn__sparse *device, const wn__op_desc *desc, const wn__pattern *pattern, bool dense[WN__CHOICES])
{
    double even[WN__CHOICES];
    const bool conv = desc->kind == WN__OP_CONV, possible = !conv || desc->groups == 1;
    for (int p = 0; p < WN__CHOICES; p++)
        dense[p] = possible && !pattern;
    if (!pattern || !possible || device->kernels_wanted == WN__KERNELS_SPARSE) return;
    const double entries = (double)pattern->rows * (double)pattern->columns, density = (double)pattern->stored / entries;
    if (entries > MOST_ENTRIES) return;
    const bool forced = device->kernels_wanted == WN__KERNELS_DENSE;
    if (!forced && (density < LEAST_DENSITY || entries < LEAST_ENTRIES || wn__break_even(device, desc, even) != WN_OK)) return;
    for (int p = 0; p < WN__CHOICES; p++)
        dense[p] = forced || density > even[p];
}

/* --- the expanded weight --------------------------------------------------------------------------------------------------------- */

#define EXPANDED_ROWS 32 /* a thread's at a time */

typedef struct expansion {
    const wn__pattern *pattern;
    const float *stored;
    float *dense;
} expansion;

static void expand_rows(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const expansion *e = arg;
    const wn__pattern *p = e->pattern;
    const int64_t first = chunk * EXPANDED_ROWS, end = first + EXPANDED_ROWS < p->rows ? first + EXPANDED_ROWS : p->rows;
    for (int64_t row = first; row < end; row++)
        for (int64_t k = p->row_start[row]; k < p->row_start[row + 1]; k++)
            e->dense[row * p->columns + p->column[k]] = e->stored[k];
}

void wn__expand(wn__pool *pool, const wn__pattern *pattern, const float *stored, float *dense)
{
    expansion e = {pattern, stored, dense};
    wn__parallel_for(pattern->stored < 1 << 14 ? NULL : pool, (pattern->rows + EXPANDED_ROWS - 1) / EXPANDED_ROWS, expand_rows, &e);
}
