#include "report/recipe_difference.h"

#include <string.h>

#include "recipe/recipe.h"

enum { MOST_SHOWN = 8, KEY = 512 };

typedef struct differences {
    wn__text *out;
    int count;
} differences;

/* Keys that change no result, or only the library that computes it; those of `compare` say which results there are. */
static bool is_free(const char *key)
{
    static const char *const free_keys[] = {
        "name", "threads", "memory", "kernels", "backend", "compare", "lab", "report", "sweep", "bootstrap.converged", "bootstrap.margin",
        NULL};
    for (int i = 0; free_keys[i]; i++)
        if (strcmp(free_keys[i], key) == 0) return true;
    return false;
}

static bool is_choice(const wn__yaml_node *node) { return node && wn__yaml_kind_of(node) == WN__YAML_MAPPING && wn__yaml_count(node) == 1; }

static bool equal_lists(const wn__yaml_node *a, const wn__yaml_node *b)
{
    const int count = wn__yaml_count(a);
    if (count != wn__yaml_count(b)) return false;
    for (int i = 0; i < count; i++) {
        const char *left = wn__yaml_text(wn__yaml_child(a, i)), *right = wn__yaml_text(wn__yaml_child(b, i));
        if (!left || !right || strcmp(left, right) != 0) return false;
    }
    return true;
}

static bool equal(const wn__yaml_node *a, const wn__yaml_node *b)
{
    if (!a || !b || wn__yaml_kind_of(a) != wn__yaml_kind_of(b)) return false;
    if (wn__yaml_kind_of(a) == WN__YAML_SCALAR) return strcmp(wn__yaml_text(a), wn__yaml_text(b)) == 0;
    return wn__yaml_kind_of(a) == WN__YAML_SEQUENCE && equal_lists(a, b);
}

/* In a few words; of "{sgd: {...}}" the name. */
static void show(const wn__yaml_node *node, wn__text *out)
{
    if (!node) {
        wn__text_add(out, "(not said)");
    } else if (wn__yaml_kind_of(node) == WN__YAML_SCALAR) {
        wn__text_add(out, "%.80s", wn__yaml_text(node));
    } else if (is_choice(node)) {
        wn__text_add(out, "%.80s", wn__yaml_text(wn__yaml_key(node, 0)));
    } else if (wn__yaml_kind_of(node) == WN__YAML_MAPPING) {
        wn__text_add(out, "(%d keys)", wn__yaml_count(node));
    } else {
        for (int i = 0; i < wn__yaml_count(node); i++) {
            const char *item = wn__yaml_text(wn__yaml_child(node, i));
            wn__text_add(out, "%s%.40s", i ? ", " : "[", item ? item : "...");
        }
        wn__text_add(out, wn__yaml_count(node) ? "]" : "[]");
    }
}

static void differ(differences *d, const char *key, const wn__yaml_node *a, const wn__yaml_node *b)
{
    if (d->count++ >= MOST_SHOWN) return;
    wn__text_add(d->out, "%s%s: ", d->count > 1 ? "; " : "", key);
    show(a, d->out);
    wn__text_add(d->out, " against ");
    show(b, d->out);
}

static void compare(differences *d, const char *key, const wn__yaml_node *a, const wn__yaml_node *b);

/* The entries of `a`, or those of `b` that `a` lacks. `common`: those of both alone. */
static void compare_entries(differences *d, const char *prefix, const wn__yaml_node *a, const wn__yaml_node *b, bool common)
{
    for (int side = 0; side < 2; side++) {
        const wn__yaml_node *from = side ? b : a, *to = side ? a : b;
        for (int i = 0; i < wn__yaml_count(from); i++) {
            const char *name = wn__yaml_text(wn__yaml_key(from, i));
            const wn__yaml_node *mine = wn__yaml_child(from, i), *other = wn__yaml_find(to, name);
            char key[KEY];
            snprintf(key, sizeof key, "%s%s%s", prefix, prefix[0] ? "." : "", name);
            if (other ? side == 0 : !common) compare(d, key, side ? other : mine, side ? mine : other);
        }
    }
}

static void compare(differences *d, const char *key, const wn__yaml_node *a, const wn__yaml_node *b)
{
    if (is_free(key)) return;
    const bool mappings = a && b && wn__yaml_kind_of(a) == WN__YAML_MAPPING && wn__yaml_kind_of(b) == WN__YAML_MAPPING;
    const bool choices = is_choice(a) && is_choice(b), methods = strcmp(key, "methods") == 0;
    const bool others = choices && strcmp(wn__yaml_text(wn__yaml_key(a, 0)), wn__yaml_text(wn__yaml_key(b, 0))) != 0;
    if (mappings && (methods || !others))
        compare_entries(d, key, a, b, methods);
    else if (!equal(a, b))
        differ(d, key, a, b);
}

static int compare_recipes(const wn__yaml *a, const wn__yaml *b, wn__text *out)
{
    differences d = {.out = out};
    compare(&d, "", wn__yaml_root(a), wn__yaml_root(b));
    if (d.count > MOST_SHOWN) wn__text_add(out, "; and %d more", d.count - MOST_SHOWN);
    return d.count;
}

/* With all keys that this program knows; NULL if it cannot read the recipe, such as where a file is not here that the recipe names. */
static wn_status complete(const wn__yaml *doc, wn__yaml **out)
{
    wn__text text = {0}, whole = {0};
    wn__recipe *recipe = NULL;
    wn_status status = wn__yaml_emit(wn__yaml_root(doc), &text);
    const wn__recipe_source source = {.text = text.data, .label = "resolved.yaml"};
    if (status == WN_OK) status = wn__recipe_read(&source, &recipe);
    if (status == WN_OK) status = wn__recipe_write(recipe, &whole);
    if (status == WN_OK) status = wn__yaml_parse("resolved.yaml", whole.data, whole.size, out);
    wn__recipe_free(recipe);
    wn__text_release(&text);
    wn__text_release(&whole);
    return status == WN_ENOMEM ? status : WN_OK;
}

wn_status wn__recipe_differences(const wn__yaml *a, const wn__yaml *b, wn__text *out)
{
    wn__text as_written = {0}, completed = {0};
    wn__yaml *whole_a = NULL, *whole_b = NULL;
    wn_status status = WN_OK;
    if (compare_recipes(a, b, &as_written) > 0) {
        status = complete(a, &whole_a);
        if (status == WN_OK) status = complete(b, &whole_b);
    }
    const bool whole = whole_a && whole_b;
    if (whole) compare_recipes(whole_a, whole_b, &completed);
    const wn__text *shown = whole ? &completed : &as_written;
    if (shown->size > 0) wn__text_add_bytes(out, shown->data, shown->size);
    if (status == WN_OK && (as_written.failed || completed.failed || out->failed)) status = wn__no_memory(KEY);
    wn__yaml_free(whole_a);
    wn__yaml_free(whole_b);
    wn__text_release(&as_written);
    wn__text_release(&completed);
    return status;
}
