#include "io/jsonl.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/locale.h"

/* A whole number gets ".0", so that a reader sees a real. */
static char *mark_real(char *text)
{
    if (!strpbrk(text, ".e")) strcat(text, ".0");
    return text;
}

char *wn__show_real(double value, char buffer[WN__REAL_TEXT])
{
    if (!isfinite(value)) return strcpy(buffer, "null");
    for (int digits = 15; digits <= 17; digits++) {
        wn__snprintf(buffer, WN__REAL_TEXT, "%.*g", digits, value);
        if (wn__strtod(buffer, NULL) == value) break;
    }
    return mark_real(buffer);
}

char *wn__show_float(float value, char buffer[WN__REAL_TEXT])
{
    if (!isfinite(value)) return strcpy(buffer, "null");
    for (int digits = 6; digits <= 9; digits++) {
        wn__snprintf(buffer, WN__REAL_TEXT, "%.*g", digits, (double)value);
        if (wn__strtof(buffer, NULL) == value) break;
    }
    return mark_real(buffer);
}

void wn__json_float_array(wn__text *t, const float *values, int64_t count)
{
    char number[WN__REAL_TEXT];
    wn__text_add(t, "[");
    for (int64_t i = 0; i < count; i++)
        wn__text_add(t, "%s%s", i ? ", " : "", wn__show_float(values[i], number));
    wn__text_add(t, "]");
}

void wn__json_text_array(wn__text *t, const char *const *texts, int64_t count)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(texts[i]));
    char *text = list ? json_dumps(list, JSON_COMPACT) : NULL;
    if (text)
        wn__text_add(t, "%s", text);
    else
        t->failed = true;
    free(text);
    json_decref(list);
}

void wn__json_quoted(wn__text *t, const char *value)
{
    wn__text_add(t, "\"");
    for (const char *c = value; *c; c++) {
        if (*c == '"' || *c == '\\')
            wn__text_add(t, "\\%c", *c);
        else if ((unsigned char)*c < 0x20)
            wn__text_add(t, "\\u%04x", (unsigned)*c);
        else
            wn__text_add_bytes(t, c, 1);
    }
    wn__text_add(t, "\"");
}

static void add_key(wn__json_line *l, const char *key)
{
    const bool inner_first = l->text.size > 0 && l->text.data[l->text.size - 1] == '{';
    wn__text_add(&l->text, l->text.size == 0 ? "{" : inner_first ? "" : ",");
    wn__json_quoted(&l->text, key);
    wn__text_add(&l->text, ":");
}

void wn__json_line_int(wn__json_line *l, const char *key, int64_t value)
{
    add_key(l, key);
    wn__text_add(&l->text, "%" PRId64, value);
}

void wn__json_line_real(wn__json_line *l, const char *key, double value)
{
    char text[WN__REAL_TEXT];
    add_key(l, key);
    wn__text_add(&l->text, "%s", wn__show_real(value, text));
}

void wn__json_line_text(wn__json_line *l, const char *key, const char *value)
{
    if (!value) {
        wn__json_line_null(l, key);
        return;
    }
    add_key(l, key);
    wn__json_quoted(&l->text, value);
}

void wn__json_line_null(wn__json_line *l, const char *key)
{
    add_key(l, key);
    wn__text_add(&l->text, "null");
}

void wn__json_line_open(wn__json_line *l, const char *key)
{
    add_key(l, key);
    wn__text_add(&l->text, "{");
}

void wn__json_line_close(wn__json_line *l) { wn__text_add(&l->text, "}"); }

wn_status wn__json_line_finish(wn__json_line *l)
{
    wn__text_add(&l->text, l->text.size ? "}\n" : "{}\n");
    if (!l->text.failed) return WN_OK;
    wn__text_release(&l->text);
    return wn__no_memory(l->text.size);
}

wn_status wn__json_line_append(wn__json_line *l, wn__append *to)
{
    WN_TRY(wn__json_line_finish(l));
    const wn_status status = wn__append_write(to, l->text.data, l->text.size);
    wn__text_release(&l->text);
    return status;
}

static wn_status visit_line(const char *path, int64_t line, const char *text, size_t size, wn__jsonl_visit visit, void *user)
{
    json_error_t error;
    json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    wn_status status;
    if (!object)
        status = wn__fail(WN_EFORMAT, "%s:%" PRId64 ": %s", path, line, error.text);
    else if (!json_is_object(object))
        status = wn__fail(WN_EFORMAT, "%s:%" PRId64 ": no JSON object", path, line);
    else
        status = visit(user, line, object);
    json_decref(object);
    return status;
}

wn_status wn__jsonl_read(const char *path, wn__jsonl_visit visit, void *user)
{
    char *text;
    size_t size;
    WN_TRY(wn__file_read(path, &text, &size));
    wn_status status = WN_OK;
    int64_t line = 1;
    for (size_t at = 0; status == WN_OK && at < size; line++) {
        const char *end = memchr(text + at, '\n', size - at);
        const size_t length = end ? (size_t)(end - text) - at : size - at;
        status = visit_line(path, line, text + at, length, visit, user);
        at += length + 1;
    }
    wn__free(text);
    return status;
}
