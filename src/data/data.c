#include "winnow/data.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "data/catalog.h"
#include "data/getting.h"
#include "io/compressed.h"

/* ---- facts */

int wn_dataset_count(void)
{
    int count = 0;
    wn__datasets_enter();
    while (wn__dataset_at(count))
        count++;
    wn__datasets_leave();
    return count;
}

/* Between wn__datasets_enter and _leave. */
static wn_status type_at(int index, const wn__dataset_type **type)
{
    *type = index < 0 ? NULL : wn__dataset_at(index);
    return *type ? WN_OK : wn__fail(WN_EINVAL, "no data set number %d", index);
}

static bool has_checksums(const wn__dataset_type *t)
{
    const wn__data_file *f = t->files;
    while (f && f->names && f->sha256)
        f++;
    return f && !f->names;
}

static wn_dataset_info info_of(const wn__dataset_type *t)
{
    return (wn_dataset_info){.name = t->name,
                             .summary = t->summary,
                             .license = t->license,
                             .input = t->facts.sample.input,
                             .target = t->facts.sample.target,
                             .channels = t->facts.sample.channels,
                             .height = t->facts.sample.height,
                             .width = t->facts.sample.width,
                             .classes = t->facts.sample.classes,
                             .class_names = t->facts.sample.class_names,
                             .train_count = t->facts.train_count,
                             .test_count = t->facts.test_count,
                             .embedded = t->files == NULL,
                             .checksums = has_checksums(t),
                             .url = t->sources ? t->sources[0].url : NULL};
}

wn_status wn_dataset_get_info(int index, wn_dataset_info *info)
{
    const wn__dataset_type *t = NULL;
    WN__NEED(info);
    wn__datasets_enter();
    const wn_status status = type_at(index, &t);
    if (status == WN_OK) *info = info_of(t);
    wn__datasets_leave();
    return status;
}

static wn_status get_setting(int index, int setting, wn_dataset_setting *out)
{
    const wn__dataset_type *t = NULL;
    WN_TRY(type_at(index, &t));
    for (int i = 0; t->settings && t->settings[i].name; i++) {
        if (i != setting) continue;
        *out = (wn_dataset_setting){t->settings[i].name, t->settings[i].fallback, t->settings[i].help};
        return WN_OK;
    }
    return wn__fail(WN_ENOTFOUND, "%s has no setting number %d", t->name, setting);
}

wn_status wn_dataset_get_setting(int index, int setting, wn_dataset_setting *out)
{
    WN__NEED(out);
    wn__datasets_enter();
    const wn_status status = get_setting(index, setting, out);
    wn__datasets_leave();
    return status;
}

wn_status wn_data_folder(const char *given, char *buffer, size_t size)
{
    char *folder = NULL;
    WN__NEED(buffer);
    WN_TRY(wn__data_folder(given, &folder));
    const int length = snprintf(buffer, size, "%s", folder);
    wn__free(folder);
    return length >= 0 && (size_t)length < size ? WN_OK : wn__fail(WN_EINVAL, "the data folder's path has over %zu bytes", size);
}

/* ---- looking and checking */

typedef struct file_survey {
    const char *folder;
    bool check;
    wn_data_visit visit;
    void *user;
    wn_status first_fault;
    char message[1024]; /* of the first fault */
} file_survey;

static void survey_file(file_survey *s, const wn__dataset_type *type, const wn__data_file *file)
{
    wn_data_file_state state = {.dataset = type->name, .name = file->names[0], .bytes = file->bytes};
    char *path = NULL;
    wn_status status = wn__find_data_file(s->folder, file->names, &path);
    if (status == WN_OK && s->check) status = wn__data_check_file(path, file);
    state.path = path;
    state.checked = status == WN_OK && s->check;
    state.fault = status == WN_OK ? NULL : wn_error_message();
    if (status != WN_OK && s->first_fault == WN_OK) {
        s->first_fault = status;
        snprintf(s->message, sizeof(s->message), "%s", wn_error_message());
    }
    if (s->visit) s->visit(s->user, &state);
    wn__free(path);
}

/* Of a set with files; NULL for one that the caller registered, which has none, or for no name. */
static wn_status find(const char *name, const wn__dataset_type **type)
{
    const wn__dataset_type *found = NULL;
    *type = NULL;
    if (!name) return WN_OK;
    wn__datasets_enter();
    const wn_status status = wn__dataset_find(name, &found);
    wn__datasets_leave();
    for (int i = 0; wn__datasets[i]; i++)
        if (wn__datasets[i] == found) *type = found;
    return status;
}

static wn_status survey(const char *name, const char *given, file_survey *s)
{
    const wn__dataset_type *only = NULL, *type;
    char *folder = NULL;
    WN_TRY(find(name, &only));
    WN_TRY(wn__data_folder(given, &folder));
    s->folder = folder;
    for (int i = 0; (type = wn__datasets[i]) != NULL; i++) { /* those that are registered have no files */
        if (name && type != only) continue;
        for (const wn__data_file *f = type->files; f && f->names; f++)
            survey_file(s, type, f);
    }
    wn__free(folder);
    return s->first_fault == WN_OK ? WN_OK : wn__fail(s->first_fault, "%s", s->message);
}

wn_status wn_data_list(const char *name, const char *folder, wn_data_visit visit, void *user)
{
    file_survey s = {.visit = visit, .user = user};
    const wn_status status = survey(name, folder, &s);
    return s.first_fault != WN_OK ? WN_OK : status; /* a file that is not there is an answer, not a failure */
}

wn_status wn_data_verify(const char *name, const char *folder, wn_data_visit visit, void *user)
{
    file_survey s = {.check = true, .visit = visit, .user = user};
    return survey(name, folder, &s);
}

wn_status wn_data_get(const char *name, const char *from, const char *given, wn_data_progress progress, void *user)
{
    const wn__dataset_type *type = NULL;
    char *folder = NULL;
    WN__NEED(name);
    WN_TRY(find(name, &type));
    if (!type) return WN_OK;
    WN_TRY(wn__data_folder(given, &folder));
    const wn_status status = wn__data_get(type, from, folder, progress, user);
    wn__free(folder);
    return status;
}
