#include "io/file_digest.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "io/compressed.h"

#define YOUNG_NS 2000000000        /* file systems count time in steps of up to 2 s */
#define MOST_CACHE_BYTES (1 << 20) /* thousands of files; then the cache begins anew */

static const char header[] = "winnow digests 1\n";

/* --- stamps ---------------------------------------------------------------------------------------------------------------------- */

static int64_t in_ns(struct timespec t) { return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec; }

wn_status wn__file_stamp_read(const char *path, wn__file_stamp *out)
{
    struct stat s;
    if (stat(path, &s) != 0) return wn__fail_errno("cannot look at %s", path);
    *out = (wn__file_stamp){s.st_dev, s.st_ino, s.st_size, in_ns(s.st_mtim), in_ns(s.st_ctim)};
    return WN_OK;
}

bool wn__file_stamp_is(const wn__file_stamp *a, const wn__file_stamp *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size && a->modified == b->modified && a->changed == b->changed;
}

/* Changed so shortly before `now` that another change might leave the stamp as it is. */
static bool is_young(const wn__file_stamp *s, int64_t now)
{
    const int64_t last = s->modified > s->changed ? s->modified : s->changed;
    return now - last < YOUNG_NS;
}

/* --- the cache: a line for each file --------------------------------------------------------------------------------------------- */

static char *cache_path(void)
{
    char *folder = wn__cache_folder(), *path = folder ? wn__path_join(folder, "digests") : NULL;
    wn__free(folder);
    return path;
}

/* Its text; "" if there is none, or none that can be used. NULL if out of memory. */
static char *read_cache(const char *path)
{
    char *text;
    size_t size;
    int64_t length;
    if (!wn__file_exists(path) || wn__file_size(path, &length) != WN_OK || length > MOST_CACHE_BYTES) return wn__strdup("");
    if (wn__file_read(path, &text, &size) != WN_OK) return wn__strdup("");
    if (strncmp(text, header, sizeof header - 1) != 0) text[0] = 0;
    return text;
}

static const char *next_line(const char *line)
{
    const char *end = strchr(line, '\n');
    return end ? end + 1 : NULL;
}

static bool is_about(const char *line, const char *file)
{
    const size_t length = strlen(file), before = strcspn(line, "\t\n");
    return line[before] == '\t' && strncmp(line + before + 1, file, length) == 0 && line[before + 1 + length] == '\n';
}

static bool read_line(const char *line, wn__file_digest *out)
{
    wn__file_stamp *s = &out->stamp;
    return sscanf(line, "%64[0-9a-f] %" SCNd64 " %" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNd64 " %" SCNd64 "\t", out->sha256, &out->bytes,
                  &s->device, &s->inode, &s->size, &s->modified, &s->changed) == 7 &&
           strlen(out->sha256) == WN__SHA256_TEXT - 1;
}

static bool find_line(const char *text, const char *file, const wn__file_stamp *stamp, wn__file_digest *out)
{
    wn__file_digest found;
    for (const char *line = next_line(text); line && *line; line = next_line(line)) {
        if (!is_about(line, file) || !read_line(line, &found) || !wn__file_stamp_is(&found.stamp, stamp)) continue;
        *out = found;
        return true;
    }
    return false;
}

static bool find_kept(const char *file, const wn__file_stamp *stamp, wn__file_digest *out)
{
    char *path = cache_path(), *text = path ? read_cache(path) : NULL, *whole = realpath(file, NULL);
    const bool found = text && whole && find_line(text, whole, stamp, out);
    free(whole); /* the C library's own allocation */
    wn__free(text);
    wn__free(path);
    return found;
}

/* All lines but those about `file`, and a new one for it. */
static void add_lines(wn__text *out, const char *text, const char *file, const wn__file_digest *d)
{
    const wn__file_stamp *s = &d->stamp;
    wn__text_add(out, "%s", header);
    for (const char *line = next_line(text), *end; line && (end = next_line(line)); line = end)
        if (!is_about(line, file)) wn__text_add_bytes(out, line, (size_t)(end - line));
    wn__text_add(out, "%s %" PRId64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 " %" PRId64 "\t%s\n", d->sha256, d->bytes, s->device,
                 s->inode, s->size, s->modified, s->changed, file);
}

static void write_cache(const char *path, const char *file, const wn__file_digest *d)
{
    char *text = read_cache(path), *folder = wn__cache_folder();
    wn__text out = {0};
    if (text) add_lines(&out, text, file, d);
    const bool written =
        text && folder && !out.failed && wn__make_folders(folder) == WN_OK && wn__file_write(path, out.data, out.size) == WN_OK;
    if (!written) wn__log(WN_LOG_DEBUG, "%s: the digest of %s could not be kept; the next start reads that file again", path, file);
    wn__text_release(&out);
    wn__free(folder);
    wn__free(text);
}

static void keep(const char *file, const wn__file_digest *d)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* files are read side by side */
    char *path = cache_path(), *whole = realpath(file, NULL);
    if (path && whole && !strpbrk(whole, "\t\n")) {
        pthread_mutex_lock(&lock);
        write_cache(path, whole, d);
        pthread_mutex_unlock(&lock);
    }
    free(whole);
    wn__free(path);
}

/* --- digests --------------------------------------------------------------------------------------------------------------------- */

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return in_ns(now);
}

/* The file is still what it was, so the digest is that of the stamp. */
static wn_status check_stamp(const char *path, const wn__file_digest *d)
{
    wn__file_stamp after;
    WN_TRY(wn__file_stamp_read(path, &after));
    return wn__file_stamp_is(&after, &d->stamp) ? WN_OK : wn__fail(WN_EMISMATCH, "%s: changed while it was read", path);
}

static wn_status digest_bytes(const char *path, int64_t begin, const char *data, size_t size, wn__file_digest *d)
{
    if (find_kept(path, &d->stamp, d)) return check_stamp(path, d);
    d->bytes = (int64_t)size;
    WN_TRY(wn__sha256(data, size, d->sha256));
    WN_TRY(check_stamp(path, d));
    if (!is_young(&d->stamp, begin)) keep(path, d);
    return WN_OK;
}

wn_status wn__read_digested(const char *path, int64_t limit, char **data, size_t *size, wn__file_digest *out)
{
    const int64_t begin = now_ns();
    wn__file_digest d;
    char *bytes;
    size_t count;
    WN_TRY(wn__file_stamp_read(path, &d.stamp));
    WN_TRY(wn__read_unpacked(path, limit > 0 ? limit : INT64_MAX, &bytes, &count));
    const wn_status status = digest_bytes(path, begin, bytes, count, &d);
    if (status != WN_OK) {
        wn__free(bytes);
        return status;
    }
    *out = d;
    *data = bytes;
    *size = count;
    return WN_OK;
}

static wn_status is_packed(const char *path, bool *packed)
{
    char magic[WN__PACKED_MAGIC];
    FILE *file = fopen(path, "rbe");
    if (!file) return wn__fail_errno("cannot open %s", path);
    *packed = wn__is_packed(magic, fread(magic, 1, sizeof magic, file));
    fclose(file);
    return WN_OK;
}

/* Such files may be larger than memory. */
static wn_status digest_plain(const char *path, int64_t limit, wn__file_digest *d)
{
    const int64_t begin = now_ns();
    d->bytes = d->stamp.size;
    if (limit > 0 && d->bytes > limit)
        return wn__fail(WN_EFORMAT, "%s: %" PRId64 " bytes, more than the expected %" PRId64, path, d->bytes, limit);
    WN_TRY(wn__sha256_file(path, d->sha256));
    WN_TRY(check_stamp(path, d));
    if (!is_young(&d->stamp, begin)) keep(path, d);
    return WN_OK;
}

wn_status wn__file_digest_find(const char *path, int64_t limit, wn__file_digest *out)
{
    wn__file_digest d;
    bool packed;
    WN_TRY(wn__file_stamp_read(path, &d.stamp));
    if (find_kept(path, &d.stamp, out)) return WN_OK;
    WN_TRY(is_packed(path, &packed));
    if (packed) {
        char *data;
        size_t size;
        WN_TRY(wn__read_digested(path, limit, &data, &size, out));
        wn__free(data);
        return WN_OK;
    }
    WN_TRY(digest_plain(path, limit, &d));
    *out = d;
    return WN_OK;
}
