/* Which pictures cannot be read. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/log.h"
#include "data/pictures.h"
#include "io/file_digest.h"

/* ---- all are decoded */

enum { PIECE = 32 };
typedef struct checking {
    const wn__pictures *pictures;
    char **faults;
} checking;

/* Out of memory is a failure of the check, not of the picture. */
static wn_status check_one(const checking *c, int64_t i, wn__scratch *scratch)
{
    const char *bytes;
    const wn__picture *item = &c->pictures->item[i];
    wn_status status = wn__picture_load(c->pictures, item, scratch, &bytes);
    if (status == WN_OK) status = wn__picture_decode(c->pictures, item, bytes, scratch);
    if (status == WN_OK || status == WN_ENOMEM) return status;
    c->faults[i] = wn__strdup(wn_error_message());
    return c->faults[i] ? WN_OK : wn__no_memory(1);
}

static wn_status check_piece(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const checking *c = arg;
    const int64_t all = wn__pictures_total(c->pictures), first = chunk * PIECE, end = first + PIECE < all ? first + PIECE : all;
    wn__scratch scratch = {0};
    wn_status status = wn_stop_requested() ? wn__fail(WN_ESTOPPED, "stopped while pictures were checked") : WN_OK;
    for (int64_t i = first; status == WN_OK && i < end; i++)
        status = check_one(c, i, &scratch);
    wn__scratch_release(&scratch);
    return status;
}

wn_status wn__pictures_verify(const wn__pictures *p, wn__pool *pool, char **faults)
{
    checking c = {p, faults};
    return wn__parallel_try(pool, (wn__pictures_total(p) + PIECE - 1) / PIECE, check_piece, &c);
}

/* ---- leaving out */

/* By names, sizes and times, so that a file that was mended is looked at again. */
static wn_status digest_stamps(const wn__pictures *p, char key[WN__SHA256_TEXT])
{
    wn__text text = {0};
    wn_status status = WN_OK;
    for (int64_t i = 0; status == WN_OK && i < wn__pictures_total(p); i++) {
        const char *name = wn__picture_name(p, &p->item[i]);
        wn__file_stamp stamp = {0};
        char *path = wn__path_join(p->root, wn__picture_file(p, &p->item[i]));
        status = path ? wn__file_stamp_read(path, &stamp) : wn__no_memory(1);
        wn__free(path);
        wn__text_add(&text, "%s %" PRId64 " %" PRId64 "\n", name, stamp.size, stamp.modified);
    }
    if (status == WN_OK) status = text.failed ? wn__no_memory(text.size) : wn__sha256(text.data, text.size, key);
    wn__text_release(&text);
    return status;
}

/* NULL: nothing can be kept. */
static char *record_path(const char *key)
{
    char name[WN__SHA256_TEXT + 16], *cache = wn__cache_folder(), *path = NULL;
    snprintf(name, sizeof name, "broken/%s", key);
    if (cache) path = wn__path_join(cache, name);
    wn__free(cache);
    return path;
}

/* "NUMBER FAULT" a line, as the pictures stand. */
static bool read_record(const char *path, int64_t all, char **faults)
{
    char *text;
    size_t size;
    if (!path || !wn__file_exists(path) || wn__file_read(path, &text, &size) != WN_OK) return false;
    bool good = true;
    for (char *line = text, *end; good && (end = strchr(line, '\n')) != NULL; line = end + 1) {
        char *fault;
        const long long i = strtoll(line, &fault, 10);
        *end = 0;
        good = fault != line && *fault == ' ' && i >= 0 && i < all && (faults[i] = wn__strdup(fault + 1)) != NULL;
    }
    wn__free(text);
    return good;
}

static void write_record(const char *path, int64_t all, char *const *faults)
{
    wn__text text = {0};
    char *slash = path ? strrchr(path, '/') : NULL;
    if (!slash) return;
    for (int64_t i = 0; i < all; i++)
        if (faults[i]) wn__text_add(&text, "%" PRId64 " %s\n", i, faults[i]);
    *slash = 0;
    wn_status status = wn__make_folders(path);
    *slash = '/';
    if (status == WN_OK) status = wn__file_write(path, text.data ? text.data : "", text.size);
    if (status != WN_OK || text.failed) wn__log(WN_LOG_INFO, "%s: which pictures are broken could not be kept", path);
    wn__text_release(&text);
}

static wn_status find_faults(const wn__pictures *p, char **faults)
{
    char key[WN__SHA256_TEXT];
    wn__pool *pool;
    WN_TRY(digest_stamps(p, key));
    char *path = record_path(key);
    wn_status status = WN_OK;
    if (!read_record(path, wn__pictures_total(p), faults) && (status = wn__pool_new(0, &pool)) == WN_OK) {
        status = wn__pictures_verify(p, pool, faults);
        wn__pool_free(pool);
        if (status == WN_OK) write_record(path, wn__pictures_total(p), faults);
    }
    wn__free(path);
    return status;
}

/* Takes the faults. */
static wn_status leave_out(wn__pictures *p, char **faults)
{
    int64_t kept = 0, at = 0;
    for (int part = 0; part < 3; part++) {
        const int64_t end = at + p->count[part];
        for (; at < end; at++) {
            if (!faults[at]) {
                p->item[kept++] = p->item[at];
                continue;
            }
            WN_TRY(wn__make_room(&p->broken, p->broken_count, sizeof *p->broken));
            p->broken[p->broken_count++] = faults[at];
            faults[at] = NULL;
            p->count[part]--;
        }
    }
    return WN_OK;
}

wn_status wn__pictures_skip_broken(wn__pictures *p)
{
    const int64_t all = wn__pictures_total(p);
    char **faults = WN_NEW_ARRAY(char *, all);
    if (!faults) return wn__no_memory((size_t)all * sizeof *faults);
    wn_status status = find_faults(p, faults);
    if (status == WN_OK) status = leave_out(p, faults);
    for (int64_t i = 0; i < all; i++)
        wn__free(faults[i]);
    wn__free(faults);
    return status;
}
