#include "base/text.h"

#include <fnmatch.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/locale.h"

/* Room for `more` bytes and the terminator. */
static bool make_room(wn__text *t, size_t more)
{
    if (t->failed) return false;
    if (t->size + more < t->capacity) return true;
    const size_t capacity = 2 * t->capacity > t->size + more + 64 ? 2 * t->capacity : t->size + more + 64;
    char *data = wn__realloc(t->data, capacity);
    if (!data) {
        t->failed = true;
        return false;
    }
    t->data = data;
    t->capacity = capacity;
    return true;
}

void wn__text_add(wn__text *t, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    wn__text_add_list(t, format, arguments);
    va_end(arguments);
}

void wn__text_add_list(wn__text *t, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    const int length = wn__vsnprintf(NULL, 0, format, arguments);
    if (length >= 0 && make_room(t, (size_t)length)) {
        wn__vsnprintf(t->data + t->size, (size_t)length + 1, format, again);
        t->size += (size_t)length;
    }
    va_end(again);
}

void wn__text_add_bytes(wn__text *t, const void *data, size_t size)
{
    if (!make_room(t, size)) return;
    if (size > 0) memcpy(t->data + t->size, data, size);
    t->size += size;
    t->data[t->size] = 0;
}

void wn__text_release(wn__text *t)
{
    wn__free(t->data);
    *t = (wn__text){0};
}

static wn_status regular_expression_matches(const char *pattern, const char *name, bool *matches)
{
    regex_t compiled;
    const int error = regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB);
    if (error != 0) {
        char reason[128];
        regerror(error, &compiled, reason, sizeof reason);
        return wn__fail(WN_EUSAGE, "\"re:%s\" is not a regular expression: %s", pattern, reason);
    }
    *matches = regexec(&compiled, name, 0, NULL, 0) == 0;
    regfree(&compiled);
    return WN_OK;
}

wn_status wn__name_matches(const char *pattern, const char *name, bool *matches)
{
    wn_status status = WN_OK;
    const locale_t before = wn__locale_enter();
    if (strncmp(pattern, "re:", 3) == 0)
        status = regular_expression_matches(pattern + 3, name, matches);
    else
        *matches = fnmatch(pattern, name, 0) == 0;
    wn__locale_leave(before);
    return status;
}

char *wn_show_count(int64_t count, char *buffer, size_t size)
{
    if (!buffer) return NULL;
    char digits[24], grouped[32];
    const int length = snprintf(digits, sizeof digits, "%lld", (long long)count);
    int used = 0;
    for (int i = 0; i < length; i++) {
        grouped[used++] = digits[i];
        if (digits[i] != '-' && i < length - 1 && (length - 1 - i) % 3 == 0) grouped[used++] = ',';
    }
    snprintf(buffer, size, "%.*s", used, grouped);
    return buffer;
}

char *wn_show_bytes(int64_t bytes, char *buffer, size_t size)
{
    if (!buffer) return NULL;
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    if (bytes < 1000) {
        snprintf(buffer, size, "%lld B", (long long)bytes);
        return buffer;
    }
    double amount = (double)bytes / 1000;
    int unit = 0;
    for (; amount >= 999.95 && unit < 3; unit++)
        amount /= 1000;
    wn__snprintf(buffer, size, "%.1f %s", amount, units[unit]);
    return buffer;
}

char *wn_show_seconds(double seconds, char *buffer, size_t size)
{
    if (!buffer) return NULL;
    const long long whole = (long long)(seconds + 0.5), minutes = (whole + 30) / 60, hours = (minutes + 30) / 60;
    if (seconds < 9.995)
        wn__snprintf(buffer, size, "%.2f s", seconds);
    else if (seconds < 59.95)
        wn__snprintf(buffer, size, "%.1f s", seconds);
    else if (whole < 3600)
        snprintf(buffer, size, "%lld min %02lld s", whole / 60, whole % 60);
    else if (minutes < 48 * 60)
        snprintf(buffer, size, "%lld h %02lld min", minutes / 60, minutes % 60);
    else
        snprintf(buffer, size, "%lld d %02lld h", hours / 24, hours % 24);
    return buffer;
}

void wn__text_add_valid(wn__text *t, const char *wrong, const char *const *names, int count)
{
    const char *nearest = wn_nearest_name(wrong, names, count);
    if (nearest)
        wn__text_add(t, "; did you mean \"%s\"? valid: ", nearest);
    else
        wn__text_add(t, "; valid: %s", count > 0 ? "" : "none");
    for (int i = 0; i < count; i++)
        wn__text_add(t, "%s%s", i ? ", " : "", names[i]);
}

enum { LONGEST_NAME = 63 };

/* Insertions, deletions and substitutions between two names (Levenshtein); names beyond LONGEST_NAME are never near. */
static int edit_distance(const char *a, const char *b)
{
    const int m = (int)strnlen(a, LONGEST_NAME + 1), n = (int)strnlen(b, LONGEST_NAME + 1);
    if (m > LONGEST_NAME || n > LONGEST_NAME) return LONGEST_NAME;
    int row[LONGEST_NAME + 1];
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 1; i <= m; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[n];
}

const char *wn_nearest_name(const char *wrong, const char *const *names, int count)
{
    if (!wrong || !names) return NULL;
    int best = 1 + (int)strlen(wrong) / 3;
    const char *nearest = NULL;
    for (int i = 0; i < count && names[i]; i++) {
        const int distance = edit_distance(wrong, names[i]);
        if (distance > best || (nearest && distance == best)) continue;
        best = distance;
        nearest = names[i];
    }
    return nearest;
}
