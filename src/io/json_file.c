#include "io/json_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"

wn_status wn__json_load(const char *path, json_t **root)
{
    char *text;
    size_t size;
    WN_TRY(wn__file_read(path, &text, &size));
    json_error_t error;
    json_t *loaded = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    wn__free(text);
    if (!loaded && json_error_code(&error) == json_error_out_of_memory) return wn__no_memory(size);
    if (!loaded) return wn__fail(WN_EFORMAT, "%s:%d:%d: %s", path, error.line, error.column, error.text);
    *root = loaded;
    return WN_OK;
}

wn_status wn__json_save(const char *path, const json_t *root)
{
    char *text = json_dumps(root, JSON_INDENT(2));
    if (!text) return wn__fail(WN_EINVAL, "%s: cannot be written as JSON", path);
    wn__replace r;
    wn_status status = wn__replace_open(&r, path);
    if (status == WN_OK) {
        status = wn__replace_write(&r, text, strlen(text));
        if (status == WN_OK) status = wn__replace_write(&r, "\n", 1);
        if (status == WN_OK)
            status = wn__replace_commit(&r);
        else
            wn__replace_abort(&r);
    }
    free(text);
    return status;
}

double wn__json_number(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

json_t *wn__json_texts(const char *const *items, int count)
{
    json_t *list = json_array();
    for (int i = 0; list && i < count; i++)
        json_array_append_new(list, json_string(items[i]));
    return list;
}
