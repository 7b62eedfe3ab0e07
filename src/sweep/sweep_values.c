/* Values of a sweep: drawn, on a grid, checked, shown. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/locale.h"
#include "base/rng.h"
#include "io/jsonl.h"
#include "recipe/sweep_section.h"

/* ---- from YAML */

/* "0.5", "1e-3", "12": not "0x1", "nan", "5ep". Numbers in quotes are texts. */
static json_t *scalar_json(const wn__yaml_node *node)
{
    const char *text = wn__yaml_text(node);
    char *end;
    if (wn__yaml_is_null(node)) return json_null();
    if (wn__yaml_quoted(node)) return json_string(text);
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) return json_boolean(text[0] == 't');
    if (text[0] == 0 || strspn(text, "0123456789.eE+-") != strlen(text)) return json_string(text);
    const long long whole = strtoll(text, &end, 10);
    if (*end == 0 && strlen(text) <= 18) return json_integer(whole);
    const double real = wn__strtod(text, &end);
    return *end == 0 && isfinite(real) ? json_real(real) : json_string(text);
}

json_t *wn__yaml_json(const wn__yaml_node *node)
{
    const wn__yaml_kind kind = wn__yaml_kind_of(node);
    if (kind == WN__YAML_SCALAR) return scalar_json(node);
    json_t *out = kind == WN__YAML_MAPPING ? json_object() : json_array();
    for (int i = 0; out && i < wn__yaml_count(node); i++) {
        json_t *child = wn__yaml_json(wn__yaml_child(node, i));
        if (kind == WN__YAML_MAPPING)
            json_object_set_new(out, wn__yaml_text(wn__yaml_key(node, i)), child);
        else
            json_array_append_new(out, child);
    }
    return out;
}

/* ---- one key */

static bool is_whole(const wn__sweep_key *key) { return key->range == WN__RANGE_INT || key->range == WN__RANGE_LOG_INT; }

/* Five digits are enough for a recipe, and leave nothing of how a machine computes logarithms. */
static json_t *number(const wn__sweep_key *key, double value)
{
    char text[40];
    if (value < key->low) value = key->low;
    if (value > key->high) value = key->high;
    if (is_whole(key)) return json_integer((json_int_t)llround(value));
    if (value == key->low || value == key->high) return json_real(value);
    wn__snprintf(text, sizeof text, "%.5g", value);
    return json_real(wn__strtod(text, NULL));
}

static int64_t step_count(const wn__sweep_key *key)
{
    const double step = key->step > 0 ? key->step : 1;
    return (int64_t)floor((key->high - key->low) / step + 1e-9) + 1;
}

static json_t *stepped(const wn__sweep_key *key, int64_t index)
{
    return number(key, key->low + (key->step > 0 ? key->step : 1) * (double)index);
}

static json_t *draw(const wn__sweep_key *key, wn__rng *rng)
{
    const double low = key->low, high = key->high;
    if (key->items) return wn__yaml_json(wn__yaml_child(key->items, (int)wn__rng_below(rng, (uint64_t)wn__yaml_count(key->items))));
    if (key->range == WN__RANGE_INT || key->step > 0) return stepped(key, (int64_t)wn__rng_below(rng, (uint64_t)step_count(key)));
    const double u = wn__rng_uniform_double(rng);
    if (key->range == WN__RANGE_UNIFORM) return number(key, low + u * (high - low));
    if (key->range == WN__RANGE_LOG) return number(key, exp(log(low) + u * (log(high) - log(low))));
    return number(key, floor(exp(log(low) + u * (log(high + 1) - log(low)))));
}

static int64_t grid_count(const wn__sweep_key *key)
{
    return key->items ? wn__yaml_count(key->items) : key->points > 0 ? key->points : step_count(key);
}

static json_t *grid_value(const wn__sweep_key *key, int64_t index)
{
    if (key->items) return wn__yaml_json(wn__yaml_child(key->items, (int)index));
    if (key->points == 0) return stepped(key, index);
    const bool log_range = key->range == WN__RANGE_LOG || key->range == WN__RANGE_LOG_INT;
    const double u = key->points > 1 ? (double)index / (double)(key->points - 1) : 0;
    if (log_range) return number(key, exp(log(key->low) + u * (log(key->high) - log(key->low))));
    return number(key, key->low + u * (key->high - key->low));
}

json_t *wn__sweep_key_end(const wn__sweep_key *key, bool last)
{
    if (key->items) return wn__yaml_json(wn__yaml_child(key->items, last ? wn__yaml_count(key->items) - 1 : 0));
    return number(key, last ? key->high : key->low);
}

/* ---- trials */

int64_t wn__sweep_trial_count(const wn__sweep_section *section)
{
    int64_t trials = 1;
    if (section->search == WN__SEARCH_RANDOM) return section->trials;
    for (int i = 0; i < section->keys; i++)
        trials *= grid_count(&section->key[i]);
    return trials;
}

/* The last key changes fastest. */
json_t *wn__sweep_params(const wn__sweep_section *section, int64_t trial)
{
    json_t *params = json_object();
    int64_t below = section->search == WN__SEARCH_GRID ? wn__sweep_trial_count(section) : 1;
    for (int i = 0; params && i < section->keys; i++) {
        const wn__sweep_key *key = &section->key[i];
        json_t *value;
        if (section->search == WN__SEARCH_GRID) {
            below /= grid_count(key);
            value = grid_value(key, trial / below % grid_count(key));
        } else {
            wn__rng rng = wn__rng_make((uint64_t)section->seed, WN__FOR_SWEEP, (uint64_t)trial, (uint64_t)i);
            value = draw(key, &rng);
        }
        if (json_object_set_new(params, key->name, value) == 0) continue;
        json_decref(params);
        return NULL;
    }
    return params;
}

/* ---- values from outside */

const wn__sweep_key *wn__sweep_key_find(const wn__sweep_section *section, const char *name)
{
    for (int i = 0; i < section->keys; i++)
        if (strcmp(section->key[i].name, name) == 0) return &section->key[i];
    return NULL;
}

static bool is_item(const wn__sweep_key *key, const json_t *value)
{
    for (int i = 0; i < wn__yaml_count(key->items); i++) {
        json_t *item = wn__yaml_json(wn__yaml_child(key->items, i));
        const bool numbers = json_is_number(item) && json_is_number(value);
        const bool same = numbers ? json_number_value(item) == json_number_value(value) : json_equal(item, value);
        json_decref(item);
        if (same) return true;
    }
    return false;
}

wn_status wn__sweep_key_check(const wn__sweep_key *key, json_t *params)
{
    const json_t *value = json_object_get(params, key->name);
    if (!value) return wn__fail(WN_EUSAGE, "params: no value for \"%s\"", key->name);
    if (key->items) return is_item(key, value) ? WN_OK : wn__fail(WN_EUSAGE, "params: %s: not one of the listed values", key->name);
    if (!json_is_number(value)) return wn__fail(WN_EUSAGE, "params: %s: a number is needed", key->name);
    const double real = json_number_value(value);
    if (real < key->low || real > key->high)
        return wn__fail(WN_EUSAGE, "params: %s: %g is outside of %g to %g", key->name, real, key->low, key->high);
    if (!is_whole(key)) return WN_OK;
    if (real != floor(real)) return wn__fail(WN_EUSAGE, "params: %s: %g is no whole number", key->name, real);
    if (json_object_set_new(params, key->name, json_integer((json_int_t)real)) != 0) return WN_ENOMEM;
    return WN_OK;
}

/* ---- shown */

void wn__sweep_value_show(const json_t *value, const char *unit, wn__text *out)
{
    char text[WN__REAL_TEXT];
    if (json_is_integer(value)) {
        wn__text_add(out, "%lld%s", (long long)json_integer_value(value), unit);
    } else if (json_is_real(value)) {
        wn__show_real(json_real_value(value), text);
        const size_t length = strlen(text); /* "3.0" is 3 to whoever wants a whole number */
        if (length > 2 && strcmp(text + length - 2, ".0") == 0) text[length - 2] = 0;
        wn__text_add(out, "%s%s", text, unit);
    } else {
        char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
        wn__text_add(out, "%s", dump ? dump : "");
        free(dump); /* jansson's own allocation */
    }
}

void wn__sweep_params_show(const json_t *params, wn__text *out)
{
    const char *key;
    json_t *value;
    bool first = true;
    json_object_foreach((json_t *)params, key, value)
    {
        wn__text_add(out, "%s%s=", first ? "" : ", ", key);
        if (json_is_string(value))
            wn__text_add(out, "%s", json_string_value(value));
        else
            wn__sweep_value_show(value, "", out);
        first = false;
    }
}
