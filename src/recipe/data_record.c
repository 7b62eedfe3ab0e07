#include "recipe/data_record.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "base/files.h"
#include "data/contents.h"
#include "io/json_file.h"

/* --- the record ------------------------------------------------------------------------------------------------------------------ */

static const char *name_of(const wn__dataset_type *type, int file) { return wn__base_name(type->files[file].names[0]); }

void wn__data_add_record(json_t *environment, const wn__recipe *recipe)
{
    const wn__data_section *d = &recipe->data;
    if (d->contents.files == 0) return;
    json_t *files = json_object();
    for (int i = 0; i < d->contents.files; i++)
        json_object_set_new(files, name_of(d->type, i), json_string(d->contents.file[i].sha256));
    json_object_set_new(environment, "data",
                        json_pack("{s:s, s:b, s:o}", "set", d->type->name, "published", !d->contents_key[0], "files", files));
}

/* False if there is none of this set. */
static bool read_record(const json_t *record, const wn__dataset_type *type, wn__data_contents *out)
{
    const char *set = json_string_value(json_object_get(record, "set"));
    wn__data_contents contents = {0};
    if (!set || strcmp(set, type->name) != 0) return false;
    for (int i = 0; type->files[i].names; i++) {
        const char *digest = json_string_value(json_object_get(json_object_get(record, "files"), name_of(type, i)));
        if (!digest || strlen(digest) >= WN__SHA256_TEXT) return false;
        snprintf(contents.file[contents.files++].sha256, WN__SHA256_TEXT, "%s", digest);
    }
    *out = contents;
    return true;
}

static bool load_record(const char *environment, const wn__dataset_type *type, wn__data_contents *out)
{
    json_t *json = NULL;
    if (!environment || !wn__file_exists(environment) || wn__json_load(environment, &json) != WN_OK) return false;
    const bool found = read_record(json_object_get(json, "data"), type, out);
    json_decref(json);
    return found;
}

/* --- settling -------------------------------------------------------------------------------------------------------------------- */

static bool has_published(const wn__dataset_type *type)
{
    for (int i = 0; type->files[i].names; i++)
        if (!type->files[i].sha256) return false;
    return true;
}

static wn_status read_files(const wn__data_section *d, const char *data_folder, int threads, wn__data_contents *out)
{
    wn__pool *pool;
    WN_TRY(wn__pool_new(threads > 0 ? threads : 1, &pool));
    const wn_status status = wn__data_contents_read(d->type, data_folder, pool, d->unverified, out);
    wn__pool_free(pool);
    return status;
}

wn_status wn__data_settle(wn__recipe *recipe, const char *data_folder, int threads, const char *environment)
{
    wn__data_section *d = &recipe->data;
    wn_status status = WN_OK;
    d->settled = true;
    if (!d->type->files) {
        memcpy(d->contents_key, d->facts.contents_key, sizeof d->contents_key);
        return WN_OK;
    }
    status = read_files(d, data_folder, threads, &d->contents);
    d->lacks_files = status == WN_ENOTFOUND;
    if (status == WN_ENOTFOUND && !load_record(environment, d->type, &d->contents)) {
        if (d->unverified || !has_published(d->type)) snprintf(d->contents_key, sizeof d->contents_key, "absent");
        return WN_OK;
    }
    if (status != WN_OK && status != WN_ENOTFOUND) return status;
    return wn__data_contents_key(d->type, &d->contents, d->contents_key);
}

wn_status wn__data_check_settled(const wn__recipe *recipe, const wn__dataset *loaded)
{
    char key[WN__SHA256_TEXT];
    if (!recipe->data.settled) return WN_OK;
    if (loaded->type->files)
        WN_TRY(wn__data_contents_key(loaded->type, &loaded->contents, key));
    else
        memcpy(key, loaded->facts.contents_key, sizeof key);
    if (strcmp(key, recipe->data.contents_key) == 0) return WN_OK;
    return wn__fail(WN_EMISMATCH, "data set %s: its files are not those that stages were planned with; they changed since: start again",
                    loaded->type->name);
}
