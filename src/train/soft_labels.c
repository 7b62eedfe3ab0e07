#include "train/soft_labels.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/text.h"
#include "io/digest.h"

/* Little-endian, as all of the machines this builds for are. */
typedef struct cache_header {
    char magic[8];
    char identity[32];     /* first half of the SHA-256 of everything the logits depend on */
    int64_t epochs, block; /* bytes of an epoch, CRC included */
    uint32_t crc;          /* of the above */
    uint32_t zero;
} cache_header;
_Static_assert(sizeof(cache_header) == 64, "the header is 64 bytes");

#define EPOCH_CRC 8 /* CRC32 of the epoch's logits and four zero bytes */

static int64_t samples_of(const wn__soft_cache_spec *s) { return wn__split_range(&s->loader->split, s->loader->part).count; }
static int64_t first_sample(const wn__soft_cache_spec *s) { return wn__split_range(&s->loader->split, s->loader->part).first; }
static int64_t epoch_floats(const wn__soft_cache_spec *s) { return samples_of(s) * s->classes; }
static int64_t block_bytes(const wn__soft_cache_spec *s) { return epoch_floats(s) * (int64_t)sizeof(float) + EPOCH_CRC; }
static int64_t epochs_of(const wn__soft_cache_spec *s) { return s->end_epoch - s->first_epoch; }

int64_t wn__soft_cache_bytes(const wn__soft_cache_spec *s) { return (int64_t)sizeof(cache_header) + epochs_of(s) * block_bytes(s); }

static wn_status make_header(const wn__soft_cache_spec *s, cache_header *h)
{
    const wn__loader_options *l = s->loader;
    char digest[WN__SHA256_TEXT];
    wn__text t = {0};
    wn__text_add(&t, "%s|epochs %" PRId64 "-%" PRId64 "|classes %" PRId64 "|seed %" PRIu64 "|part %d %" PRId64 "+%" PRId64, s->identity,
                 s->first_epoch, s->end_epoch, s->classes, l->seed, (int)l->part, first_sample(s), samples_of(s));
    wn__text_add(&t, "|batch %" PRId64 " %d %d|augment %d %d %d|normalize %d", l->batch, (int)l->last_batch, (int)l->order, l->augment.pad,
                 l->augment.reflect, l->augment.flip, (int)l->normalize.kind);
    for (int c = 0; c < WN__MAX_CHANNELS; c++)
        wn__text_add(&t, " %a %a", (double)l->normalize.mean[c], (double)l->normalize.std[c]);
    if (l->transforms) wn__transforms_write(l->transforms, &t);
    if (l->data->fit) wn__transforms_write(l->data->fit, &t);
    const wn_status status = t.failed ? wn__no_memory(t.size) : wn__sha256(t.data, t.size, digest);
    wn__text_release(&t);
    WN_TRY(status);
    *h = (cache_header){.magic = {'W', 'N', 'S', 'O', 'F', 'T', '1', 0}, .epochs = epochs_of(s), .block = block_bytes(s)};
    memcpy(h->identity, digest, sizeof h->identity);
    h->crc = (uint32_t)crc32(0, (const Bytef *)h, offsetof(cache_header, crc));
    return WN_OK;
}

static wn_status check_header(const char *path, const cache_header *found, const cache_header *want)
{
    if (memcmp(found->magic, want->magic, sizeof want->magic) != 0) return wn__fail(WN_EFORMAT, "%s is no file of soft labels", path);
    if (found->crc != (uint32_t)crc32(0, (const Bytef *)found, offsetof(cache_header, crc)))
        return wn__fail(WN_EFORMAT, "%s: the header is damaged", path);
    if (memcmp(found, want, sizeof *want) != 0)
        return wn__fail(WN_EMISMATCH, "%s holds soft labels of another teacher or data stream", path);
    return WN_OK;
}

/* ---- making */

typedef struct maker {
    const wn__soft_cache_spec *spec;
    const wn__teacher *teacher;
    wn__loader *loader;
    float *logits; /* (batch, classes) */
    char *block;   /* (block_bytes) */
    wn__append file;
} maker;

/* Epochs from the first on that are whole in the file, by their checksums. */
static wn_status count_epochs(FILE *file, const char *path, const wn__soft_cache_spec *spec, int64_t *done)
{
    const size_t size = (size_t)block_bytes(spec), floats = size - EPOCH_CRC;
    char *block = wn__alloc(size);
    uint32_t crc;
    if (!block) return wn__no_memory(size);
    for (*done = 0; *done < epochs_of(spec) && fread(block, 1, size, file) == size; (*done)++) {
        memcpy(&crc, block + floats, sizeof crc);
        if (crc != (uint32_t)crc32_z(0, (const Bytef *)block, floats)) break;
    }
    wn__free(block);
    return ferror(file) ? wn__fail(WN_EIO, "cannot read %s", path) : WN_OK;
}

/* Epochs that are whole in the file; 0 if there is none, or none that can be used. What follows them is cut off later. */
static wn_status epochs_done(const char *path, const wn__soft_cache_spec *spec, const cache_header *want, int64_t *done)
{
    cache_header found;
    *done = 0;
    if (!wn__file_exists(path)) return WN_OK;
    FILE *file = fopen(path, "rbe");
    if (!file) return wn__fail_errno("cannot open %s", path);
    wn_status status = WN_OK;
    if (fread(&found, sizeof found, 1, file) == 1) {
        status = check_header(path, &found, want);
        if (status == WN_OK) status = count_epochs(file, path, spec, done);
    }
    fclose(file);
    if (status != WN_EFORMAT) return status;
    wn__log(WN_LOG_WARNING, "%s; they are made anew", wn_error_message());
    return WN_OK;
}

static wn_status check_space(const char *path, const wn__soft_cache_spec *spec, int64_t done)
{
    struct statvfs about;
    const int64_t wanted = (epochs_of(spec) - done) * block_bytes(spec);
    char need[32], have[32];
    char *folder = wn__path_folder(path);
    if (!folder) return wn__no_memory(strlen(path));
    const int failed = statvfs(folder, &about);
    wn__free(folder);
    if (failed) return wn__fail_errno("cannot look at the disk of %s", path);
    const int64_t room = (int64_t)about.f_bavail * (int64_t)about.f_frsize;
    if (room >= wanted) return WN_OK;
    return wn__fail(WN_ENOSPACE, "%s: soft labels need %s more, the disk has %s", path, wn_show_bytes(wanted, need, sizeof need),
                    wn_show_bytes(room, have, sizeof have));
}

static wn_status add_batch(maker *m)
{
    const wn__soft_cache_spec *s = m->spec;
    const wn__batch *b;
    if (wn__stop_wanted(s->stop)) return wn__fail(WN_ESTOPPED, "stopped while making soft labels");
    WN_TRY(wn__loader_next(m->loader, &b));
    WN_TRY(wn__teacher_infer(m->teacher, b->input, b->n, m->logits));
    float *block = (float *)m->block;
    for (int64_t i = 0; i < b->n; i++)
        memcpy(block + (b->samples[i] - first_sample(s)) * s->classes, m->logits + i * s->classes, (size_t)s->classes * sizeof(float));
    return WN_OK;
}

static wn_status add_epoch(maker *m)
{
    const size_t floats = (size_t)epoch_floats(m->spec) * sizeof(float);
    int64_t length;
    memset(m->block, 0, floats + EPOCH_CRC); /* samples that a dropped last batch leaves out */
    for (int64_t b = 0; b < wn__loader_batches(m->loader); b++)
        WN_TRY(add_batch(m));
    const uint32_t crc = (uint32_t)crc32_z(0, (const Bytef *)m->block, floats);
    memcpy(m->block + floats, &crc, sizeof crc);
    WN_TRY(wn__append_write(&m->file, m->block, floats + EPOCH_CRC));
    return wn__append_sync(&m->file, &length);
}

static wn_status make_from(maker *m, const char *path, const cache_header *header, int64_t done, wn__soft_cache_progress progress,
                           void *user)
{
    const wn__soft_cache_spec *s = m->spec;
    WN_TRY(wn__append_open(&m->file, path, done ? (int64_t)sizeof *header + done * block_bytes(s) : 0));
    if (!done) WN_TRY(wn__append_write(&m->file, header, sizeof *header));
    WN_TRY(wn__loader_new(s->loader, &m->loader));
    m->logits = WN_NEW_ARRAY(float, s->loader->batch * s->classes);
    m->block = wn__alloc((size_t)block_bytes(s));
    if (!m->logits || !m->block) return wn__no_memory((size_t)block_bytes(s));
    WN_TRY(wn__loader_seek(m->loader, s->first_epoch + done, 0));
    for (; done < epochs_of(s); done++) {
        WN_TRY(add_epoch(m));
        if (progress) progress(user, done + 1, epochs_of(s));
    }
    return WN_OK;
}

wn_status wn__soft_cache_make(const char *path, const wn__soft_cache_spec *spec, const wn__teacher *teacher,
                              wn__soft_cache_progress progress, void *user)
{
    cache_header header;
    int64_t done;
    if (epochs_of(spec) < 1) return wn__fail(WN_EINVAL, "soft labels of no epoch at all");
    WN_TRY(make_header(spec, &header));
    WN_TRY(epochs_done(path, spec, &header, &done));
    if (done == epochs_of(spec)) return WN_OK;
    WN_TRY(check_space(path, spec, done));
    maker m = {.spec = spec, .teacher = teacher};
    wn_status status = make_from(&m, path, &header, done, progress, user);
    const wn_status closed = wn__append_close(&m.file);
    wn__loader_free(m.loader);
    wn__free(m.logits);
    wn__free(m.block);
    return status != WN_OK ? status : closed;
}

/* ---- reading */

/* Read, not mapped: a file that is cut while it is used is a message, and no signal. */
struct wn__soft_cache {
    char *path;
    int fd;
    int64_t first_epoch, epochs, first_sample, samples, classes;
    bool *checked; /* (epochs) its CRC was right */
    bool damaged;
};

static wn_status read_at(wn__soft_cache *c, int64_t at, void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        const ssize_t n = pread(c->fd, (char *)data + done, size - done, (off_t)(at + (int64_t)done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return wn__fail_errno("cannot read %s", c->path);
        if (n == 0) return wn__fail(WN_EFORMAT, "%s: was cut while it was read", c->path);
        done += (size_t)n;
    }
    return WN_OK;
}

static wn_status check_file(wn__soft_cache *c, const wn__soft_cache_spec *spec)
{
    cache_header want, found;
    struct stat about;
    WN_TRY(make_header(spec, &want));
    if (fstat(c->fd, &about) != 0) return wn__fail_errno("cannot look at %s", c->path);
    if (about.st_size < (off_t)sizeof want)
        return wn__fail(WN_EFORMAT, "%s has %lld bytes, too few for soft labels", c->path, (long long)about.st_size);
    WN_TRY(read_at(c, 0, &found, sizeof found));
    WN_TRY(check_header(c->path, &found, &want));
    if (about.st_size == wn__soft_cache_bytes(spec)) return WN_OK;
    return wn__fail(WN_EFORMAT, "%s has %lld bytes, must have %" PRId64 ": it is incomplete", c->path, (long long)about.st_size,
                    wn__soft_cache_bytes(spec));
}

wn_status wn__soft_cache_open(const char *path, const wn__soft_cache_spec *spec, wn__soft_cache **out)
{
    wn__soft_cache *c = WN_NEW(wn__soft_cache);
    if (!c) return wn__no_memory(sizeof *c);
    *c = (wn__soft_cache){.path = wn__strdup(path),
                          .fd = open(path, O_RDONLY | O_CLOEXEC),
                          .first_epoch = spec->first_epoch,
                          .epochs = epochs_of(spec),
                          .first_sample = first_sample(spec),
                          .samples = samples_of(spec),
                          .classes = spec->classes,
                          .checked = WN_NEW_ARRAY(bool, epochs_of(spec))};
    wn_status status = c->fd < 0 ? wn__fail_errno("cannot open %s", path) : WN_OK;
    if (status == WN_OK && (!c->path || !c->checked)) status = wn__no_memory((size_t)c->epochs);
    if (status == WN_OK) status = check_file(c, spec);
    if (status != WN_OK) {
        wn__soft_cache_close(c);
        return status;
    }
    *out = c;
    return WN_OK;
}

void wn__soft_cache_close(wn__soft_cache *c)
{
    if (!c) return;
    if (c->fd >= 0) close(c->fd);
    wn__free(c->checked);
    wn__free(c->path);
    wn__free(c);
}

static wn_status check_epoch(wn__soft_cache *c, int64_t epoch, int64_t begin, size_t floats)
{
    char piece[1 << 16];
    uLong crc = 0;
    uint32_t want;
    for (size_t done = 0, n; done < floats; done += n) {
        n = floats - done < sizeof piece ? floats - done : sizeof piece;
        WN_TRY(read_at(c, begin + (int64_t)done, piece, n));
        crc = crc32_z(crc, (const Bytef *)piece, n);
    }
    WN_TRY(read_at(c, begin + (int64_t)floats, &want, sizeof want));
    if ((uint32_t)crc != want)
        return wn__fail(WN_EFORMAT, "%s: the soft labels of epoch %" PRId64 " are damaged", c->path, c->first_epoch + epoch);
    c->checked[epoch] = true;
    return WN_OK;
}

static wn_status read_rows(wn__soft_cache *c, const wn__batch *batch, int64_t epoch, float *logits)
{
    const size_t row = (size_t)c->classes * sizeof(float), floats = (size_t)c->samples * row;
    const int64_t begin = (int64_t)sizeof(cache_header) + epoch * (int64_t)(floats + EPOCH_CRC);
    if (!c->checked[epoch]) WN_TRY(check_epoch(c, epoch, begin, floats));
    for (int64_t i = 0; i < batch->n; i++) {
        const int64_t sample = batch->samples[i] - c->first_sample;
        if (sample < 0 || sample >= c->samples) return wn__fail(WN_EINVAL, "%s has no sample %" PRId64, c->path, batch->samples[i]);
        WN_TRY(read_at(c, begin + sample * (int64_t)row, (char *)logits + (size_t)i * row, row));
    }
    return WN_OK;
}

wn_status wn__soft_cache_read(wn__soft_cache *c, const wn__batch *batch, float *logits)
{
    const int64_t epoch = batch->epoch - c->first_epoch;
    if (epoch < 0 || epoch >= c->epochs)
        return wn__fail(WN_EINVAL, "%s has epochs %" PRId64 " to %" PRId64 ", not %" PRId64, c->path, c->first_epoch,
                        c->first_epoch + c->epochs - 1, batch->epoch);
    const wn_status status = read_rows(c, batch, epoch, logits);
    c->damaged = c->damaged || status == WN_EFORMAT;
    return status;
}

bool wn__soft_cache_is_damaged(const wn__soft_cache *c) { return c && c->damaged; }
