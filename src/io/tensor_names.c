#include "io/tensor_names.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"

/* ---- prefixes */

/* Length of the first part of all names with its dot, if every name has two parts more; else 0. */
static size_t shared_part(const wn__safetensors *file)
{
    const int count = wn__safetensors_count(file);
    const char *first = count > 0 ? wn__safetensors_at(file, 0)->name : "", *dot = strchr(first, '.');
    const size_t length = dot ? (size_t)(dot - first) + 1 : 0;
    for (int i = 0; length > 0 && i < count; i++) {
        const char *name = wn__safetensors_at(file, i)->name;
        if (strncmp(name, first, length) != 0 || !strchr(name + length, '.')) return 0;
    }
    return length;
}

static void hide_prefixes(const char *label, wn__safetensors *file)
{
    size_t length, hidden = 0;
    while ((length = shared_part(file)) > 0) {
        wn__safetensors_hide_prefix(file, length);
        hidden += length;
    }
    if (hidden == 0) return;
    wn__log(WN_LOG_INFO, "%s: \"%.*s\" before all names is taken off", label, (int)hidden, wn__safetensors_at(file, 0)->name - hidden);
}

/* ---- masks */

static bool ends_with(const char *name, const char *end)
{
    const size_t n = strlen(name), e = strlen(end);
    return n > e && strcmp(name + n - e, end) == 0;
}

/* "conv1.weight" of "conv1.weight_orig", if its mask is there, too. */
static wn_status settle_original(wn__safetensors *file, int index)
{
    const char *name = wn__safetensors_at(file, index)->name;
    wn__text plain = {0}, mask = {0};
    if (!ends_with(name, "_orig")) return WN_OK;
    wn__text_add_bytes(&plain, name, strlen(name) - strlen("_orig"));
    wn__text_add(&mask, "%s_mask", plain.data ? plain.data : "");
    wn_status status = plain.failed || mask.failed ? wn__no_memory(mask.size) : WN_OK;
    if (status == WN_OK && wn__safetensors_find(file, mask.data) && !wn__safetensors_find(file, plain.data))
        status = wn__safetensors_rename(file, index, plain.data);
    wn__text_release(&plain);
    wn__text_release(&mask);
    return status;
}

static bool is_bit(const wn__st_tensor *t, int64_t i, uint8_t *bit)
{
    const int size = wn__st_dtype_size(t->dtype);
    const uint8_t *bytes = (const uint8_t *)t->data + i * size;
    if (wn__st_is_float(t->dtype)) {
        const float value = wn__st_float(t, i);
        *bit = value != 0;
        return value == 0 || value == 1;
    }
    *bit = bytes[0];
    for (int b = 1; b < size; b++)
        if (bytes[b]) return false;
    return bytes[0] <= 1;
}

/* Numbers of other types than bytes; what has the name of a mask and its weight is not here, is not touched unless it is one. */
static wn_status settle_mask(const char *label, wn__safetensors *file, int index)
{
    const wn__st_tensor *t = wn__safetensors_at(file, index);
    if (!ends_with(t->name, "_mask") || t->dtype == WN__ST_U8 || t->dtype == WN__ST_BOOL || t->dtype == WN__ST_OTHER) return WN_OK;
    uint8_t *bits = wn__alloc((size_t)t->count + 1);
    wn__text weight = {0};
    if (!bits) return wn__no_memory((size_t)t->count);
    int64_t i = 0;
    while (i < t->count && is_bit(t, i, &bits[i]))
        i++;
    if (i == t->count) return wn__safetensors_replace(file, index, WN__ST_U8, bits);
    wn__free(bits);
    wn__text_add_bytes(&weight, t->name, strlen(t->name) - strlen("_mask"));
    const bool masks = !weight.failed && wn__safetensors_find(file, weight.data);
    wn__text_release(&weight);
    return masks ? wn__fail(WN_EMISMATCH, "%s: mask '%s' holds other numbers than 0 and 1", label, t->name) : WN_OK;
}

/* What a mask leaves out is 0. */
static wn_status apply_mask(wn__safetensors *file, int index)
{
    const wn__st_tensor *t = wn__safetensors_at(file, index);
    const size_t size = (size_t)wn__st_dtype_size(t->dtype);
    wn__text name = {0};
    wn__text_add(&name, "%s_mask", t->name);
    const wn__st_tensor *mask = name.failed ? NULL : wn__safetensors_find(file, name.data);
    wn__text_release(&name);
    if (!mask || !wn__st_is_float(t->dtype) || wn__st_dtype_size(mask->dtype) != 1 || mask->count != t->count) return WN_OK;
    char *values = wn__alloc((size_t)wn__st_bytes(t) + 1);
    if (!values) return wn__no_memory((size_t)wn__st_bytes(t));
    if (t->count > 0) memcpy(values, t->data, (size_t)wn__st_bytes(t));
    for (int64_t i = 0; i < t->count; i++)
        if (!((const char *)mask->data)[i]) memset(values + (size_t)i * size, 0, size);
    return wn__safetensors_replace(file, index, t->dtype, values);
}

wn_status wn__tensor_names_settle(const char *label, wn__safetensors *file)
{
    hide_prefixes(label, file);
    for (int i = 0; i < wn__safetensors_count(file); i++)
        WN_TRY(settle_original(file, i));
    for (int i = 0; i < wn__safetensors_count(file); i++)
        WN_TRY(settle_mask(label, file, i));
    for (int i = 0; i < wn__safetensors_count(file); i++)
        WN_TRY(apply_mask(file, i));
    return WN_OK;
}

/* ---- patterns */

enum { MOST_STARS = 8 };

typedef struct span {
    const char *at;
    size_t size;
} span;

/* What each * stands for: as little as possible, but for the last one that had to grow. Longer texts of earlier ones are never needed. */
static bool matches(const char *pattern, const char *name, span stars[MOST_STARS])
{
    const char *behind = NULL; /* the pattern behind the last * */
    int star = -1;
    while (*name || *pattern == '*') {
        if (*pattern == '*') {
            stars[++star] = (span){name, 0};
            behind = ++pattern;
        } else if (*pattern && *pattern == *name) {
            pattern++;
            name++;
        } else if (star >= 0 && stars[star].at[stars[star].size]) {
            name = stars[star].at + ++stars[star].size;
            pattern = behind;
        } else {
            return false;
        }
    }
    return *pattern == 0;
}

typedef struct rule {
    char *pattern, *replacement; /* inside the file's text */
    bool used;
} rule;

static int count_stars(const char *text)
{
    int stars = 0;
    for (; *text; text++)
        stars += *text == '*';
    return stars;
}

/* One line, which is cut into its words. An empty one has no pattern. */
static wn_status read_rule(const char *path, int line, char *text, rule *out)
{
    static const char blanks[] = " \t\r";
    char *rest = text;
    text[strcspn(text, "#")] = 0;
    out->pattern = strtok_r(text, blanks, &rest);
    out->replacement = out->pattern ? strtok_r(NULL, blanks, &rest) : NULL;
    if (!out->pattern) return WN_OK;
    if (!out->replacement || strtok_r(NULL, blanks, &rest))
        return wn__fail(WN_EUSAGE, "%s:%d: wants a pattern and its replacement, as in: linear.* fc.*", path, line);
    if (count_stars(out->pattern) > MOST_STARS || count_stars(out->replacement) > count_stars(out->pattern))
        return wn__fail(WN_EUSAGE, "%s:%d: a pattern has at most %d *, its replacement no more than it", path, line, MOST_STARS);
    return WN_OK;
}

static wn_status read_rules(const char *path, char *text, rule **rules, int *count)
{
    int line = 0;
    for (char *next; text; text = next) {
        rule r = {0};
        if ((next = strchr(text, '\n'))) *next++ = 0;
        WN_TRY(read_rule(path, ++line, text, &r));
        if (!r.pattern) continue;
        WN_TRY(wn__make_room(rules, *count, sizeof r));
        (*rules)[(*count)++] = r;
    }
    return WN_OK;
}

static void fill_stars(const char *replacement, const span *stars, wn__text *out)
{
    for (; *replacement; replacement++) {
        if (*replacement == '*') {
            wn__text_add_bytes(out, stars->at, stars->size);
            stars++;
        } else {
            wn__text_add_bytes(out, replacement, 1);
        }
    }
}

static wn_status map_name(wn__safetensors *file, int index, rule *rules, int count)
{
    span stars[MOST_STARS];
    wn__text name = {0};
    int i = 0;
    while (i < count && !matches(rules[i].pattern, wn__safetensors_at(file, index)->name, stars))
        i++;
    if (i == count) return WN_OK;
    rules[i].used = true;
    fill_stars(rules[i].replacement, stars, &name);
    const wn_status status = name.failed ? wn__no_memory(name.size) : wn__safetensors_rename(file, index, name.data);
    wn__text_release(&name);
    return status;
}

static wn_status check_twice(const char *label, const wn__safetensors *file)
{
    for (int i = 0; i < wn__safetensors_count(file); i++) {
        const wn__st_tensor *t = wn__safetensors_at(file, i);
        for (int k = 0; k < i; k++)
            if (strcmp(wn__safetensors_at(file, k)->name, t->name) == 0)
                return wn__fail(WN_EUSAGE, "%s: two tensors are named '%s' by the file of names", label, t->name);
    }
    return WN_OK;
}

wn_status wn__tensor_names_map_text(const char *label, const char *names_file, char *text, wn__safetensors *file)
{
    rule *rules = NULL;
    int count = 0;
    wn_status status = read_rules(names_file, text, &rules, &count);
    for (int i = 0; status == WN_OK && i < wn__safetensors_count(file); i++)
        status = map_name(file, i, rules, count);
    if (status == WN_OK) status = check_twice(label, file);
    for (int i = 0; status == WN_OK && i < count; i++)
        if (!rules[i].used) wn__log(WN_LOG_WARNING, "%s: no tensor of %s fits '%s'", names_file, label, rules[i].pattern);
    wn__free(rules);
    return status;
}

wn_status wn__tensor_names_map(const char *label, const char *names_file, wn__safetensors *file)
{
    char *text;
    size_t size;
    WN_TRY(wn__file_read(names_file, &text, &size));
    const wn_status status = wn__tensor_names_map_text(label, names_file, text, file);
    wn__free(text);
    return status;
}
