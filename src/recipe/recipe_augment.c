/* What a recipe does to samples: `data.augment` in training, `data.evaluate` elsewhere. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "recipe/recipe.h"

/* ---- names for usual lists */

typedef struct preset {
    const char *name, *augment, *evaluate;
} preset;

static const preset presets[] = {
    {"standard", "[pad-crop-4, flip]", "[]"}, /* of small pictures such as CIFAR's */
    {"imagenet", "[random-resized-crop, flip]", "[resize, center-crop]"},
};

static const preset *find_preset(const wn__yaml_node *node)
{
    const char *name = node ? wn__yaml_text(node) : NULL;
    for (size_t i = 0; name && i < sizeof presets / sizeof *presets; i++)
        if (strcmp(presets[i].name, name) == 0) return &presets[i];
    return NULL;
}

/* ---- reading */

/* "pad-crop-4", "pad-crop-4-reflect": settings in the name, as lists had them before their entries had settings. */
static wn_status add_pad_crop(wn__transforms *list, const char *name, bool *taken)
{
    wn__augment augment = {0};
    void *config;
    char pad[16];
    *taken = strncmp(name, "pad-crop-", 9) == 0;
    if (!*taken) return WN_OK;
    WN_TRY(wn__augment_add(&augment, name));
    const wn__sample_transform *type = wn__sample_transform_find("pad-crop");
    snprintf(pad, sizeof pad, "%d", augment.pad);
    WN_TRY(wn__transforms_add(list, type, &config));
    WN_TRY(wn__settings_set(type->settings, config, "pad", pad));
    return wn__settings_set(type->settings, config, "reflect", augment.reflect ? "true" : "false");
}

static wn_status unknown(const wn__yaml_node *node, const char *what, const char *name, bool steady)
{
    const char *names[WN__MOST_KEYS];
    char text[64];
    int count = 0;
    for (int i = 0; wn__sample_transforms[i]; i++)
        if (!steady || wn__sample_transforms[i]->steady) names[count++] = wn__sample_transforms[i]->name;
    for (size_t i = 0; i < sizeof presets / sizeof *presets; i++)
        names[count++] = presets[i].name;
    names[count++] = "none";
    snprintf(text, sizeof text, "%s: unknown entry", what);
    return wn__unknown_at(node, text, name, names, count);
}

static wn_status read_settings(const wn__sample_transform *type, const wn__yaml_node *node, void *config)
{
    const wn__schema schema = {.what = type->name, .table = {{type->settings, config}}};
    if (wn__yaml_kind_of(node) == WN__YAML_MAPPING) return wn__schema_read(&schema, node);
    return wn__schema_set(&schema, type->settings->name, node);
}

static wn_status read_item(const wn__yaml_node *node, const char *what, bool steady, wn__transforms *list)
{
    wn__variant v;
    void *config;
    bool taken = false;
    WN_TRY(wn__variant_read(node, what, &v));
    if (!v.settings && strcmp(v.name, "none") == 0) return WN_OK;
    if (!v.settings && !steady) WN_TRY(add_pad_crop(list, v.name, &taken));
    if (taken) return WN_OK;
    const wn__sample_transform *type = wn__sample_transform_find(v.name);
    if (!type) return unknown(v.name_node, what, v.name, steady);
    if (steady && !type->steady)
        return wn__fail(WN_EUSAGE, "%s draws, and evaluation is the same each time; valid: resize, center-crop, normalize", v.name);
    WN_TRY(wn__transforms_add(list, type, &config));
    if (v.settings) WN_TRY(read_settings(type, v.settings, config));
    return type->check ? type->check(config) : WN_OK;
}

static wn_status read_list(const wn__yaml_node *node, const char *what, bool steady, wn__transforms *list)
{
    const bool several = wn__yaml_kind_of(node) == WN__YAML_SEQUENCE;
    wn__transforms_release(list);
    for (int i = 0; i < (several ? wn__yaml_count(node) : 1); i++) {
        const wn__yaml_node *item = several ? wn__yaml_child(node, i) : node;
        const wn_status status = read_item(item, what, steady, list);
        if (status != WN_OK)
            return strstr(wn_error_message(), what) ? status : wn__fault_at(item, "", wn__fail_within(status, "%s: ", what));
    }
    return WN_OK;
}

/* Before entries had settings, lists held these names alone. They keep their keys and bytes. */
static bool read_plain(const wn__yaml_node *node, wn__augment *augment)
{
    const char *items[8];
    int count;
    bool plain = wn__scalar_list(node, "data.augment", 8, items, &count) == WN_OK;
    *augment = (wn__augment){0};
    for (int i = 0; plain && i < count; i++)
        plain = wn__augment_add(augment, items[i]) == WN_OK;
    return plain;
}

static wn_status read_augment(const wn__yaml_node *node, wn__data_section *d)
{
    wn__transforms_release(&d->transforms);
    if (read_plain(node, &d->augment)) return WN_OK;
    d->augment = (wn__augment){0};
    return read_list(node, "data.augment", false, &d->transforms);
}

/* Entries of presets have no texts, so that nothing points into the document. */
static wn_status read_text(const char *text, bool steady, wn__data_section *d)
{
    wn__yaml *doc;
    WN_TRY(wn__yaml_parse("preset", text, strlen(text), &doc));
    const wn__yaml_node *root = wn__yaml_root(doc);
    const wn_status status = steady ? read_list(root, "data.evaluate", true, &d->fit) : read_augment(root, d);
    wn__yaml_free(doc);
    return status;
}

wn_status wn__recipe_read_augment(void *recipe, const wn__yaml_node *node)
{
    wn__data_section *d = &((wn__recipe *)recipe)->data;
    const preset *named = find_preset(node);
    return named ? read_text(named->augment, false, d) : read_augment(node, d);
}

wn_status wn__recipe_read_evaluate(void *recipe, const wn__yaml_node *node)
{
    wn__data_section *d = &((wn__recipe *)recipe)->data;
    const preset *named = find_preset(node);
    return named ? read_text(named->evaluate, true, d) : read_list(node, "data.evaluate", true, &d->fit);
}

/* ---- what follows from them */

static wn_status agree(const wn__data_section *d)
{
    wn__normalize a, b;
    const int channels = d->facts.sample.channels;
    if (!wn__transforms_normalize(&d->transforms, channels, &a) || !wn__transforms_normalize(&d->fit, channels, &b)) return WN_OK;
    if (memcmp(a.mean, b.mean, sizeof a.mean) == 0 && memcmp(a.std, b.std, sizeof a.std) == 0) return WN_OK;
    return wn__fail(WN_EUSAGE, "data.augment and data.evaluate normalise differently; say it once");
}

/* The size that the network sees, if lists say one. */
static wn_status find_size(const wn__data_section *d, int *height, int *width)
{
    const wn__sample_spec *s = &d->facts.sample;
    const bool fits = wn__transforms_change_pixels(&d->fit), any = d->facts.any_size && (fits || wn__transforms_give_size(&d->transforms));
    int h = any ? 0 : s->height, w = any ? 0 : s->width;
    wn__transforms_size(&d->fit, &h, &w);
    if (fits && h == 0)
        return wn__fail(WN_EUSAGE, "data.evaluate: pictures stay of any size; its last entry must give one, such as center-crop: 224");
    *height = h;
    *width = w;
    wn__transforms_size(&d->transforms, height, width);
    if (!fits || (*height == h && *width == w)) return WN_OK;
    return wn__fail(WN_EUSAGE, "data.augment gives %d x %d pixels and data.evaluate %d x %d; a network sees one size", *height, *width, h,
                    w);
}

/* Sets of pictures have the size as a setting, too. */
static wn_status set_size(wn__data_section *d, const wn__yaml_node *section, int height, int width)
{
    const wn__yaml_node *said = wn__yaml_find(section, "size");
    const wn__setting *rows = d->type->settings;
    char text[24];
    snprintf(text, sizeof text, "%d", height);
    if (!d->facts.any_size || !wn__settings_find(rows, "size")) return WN_OK;
    if (said && (height != width || !wn__yaml_text(said) || strcmp(wn__yaml_text(said), text) != 0))
        return wn__yaml_fail(WN_EUSAGE, said, "data.size is not the %d x %d that data.augment and data.evaluate give; leave it out", width,
                             height);
    return height == width ? wn__settings_set(rows, d->config, "size", text) : WN_OK;
}

wn_status wn__recipe_settle_transforms(wn__data_section *d, const wn__yaml_node *section)
{
    const wn__yaml_node *augment = wn__yaml_find(section, "augment");
    const preset *named = find_preset(augment);
    int height = 0, width = 0;
    if (named && !wn__yaml_find(section, "evaluate")) WN_TRY(read_text(named->evaluate, true, d));
    if (d->transforms.count == 0 && d->fit.count == 0) return WN_OK;
    if (d->facts.sample.input != WN_INPUT_PIXELS)
        return wn__yaml_fail(WN_EUSAGE, augment ? augment : section, "data.augment: transforms are of pixels; the inputs of %s are none",
                             d->type->name);
    wn_status status = agree(d);
    if (status == WN_OK) status = find_size(d, &height, &width);
    if (status != WN_OK) return wn__fault_at(augment ? augment : section, "", status);
    if (height == 0) return WN_OK;
    WN_TRY(set_size(d, section, height, width));
    d->facts.sample.height = height;
    d->facts.sample.width = width;
    return WN_OK;
}

wn_status wn__data_section_read_fit(wn__data_section *d, const char *evaluate) { return read_text(evaluate, true, d); }

void wn__data_section_fit(const wn__data_section *d, wn__dataset *data)
{
    data->fit = wn__transforms_change_pixels(&d->fit) ? &d->fit : NULL;
    data->facts.sample.height = d->facts.sample.height;
    data->facts.sample.width = d->facts.sample.width;
}

wn_status wn__data_section_normalize(const wn__data_section *d, const wn__dataset *data, wn__normalize *out)
{
    const int channels = data->facts.sample.channels;
    if (wn__transforms_normalize(&d->fit, channels, out) || wn__transforms_normalize(&d->transforms, channels, out)) return WN_OK;
    return wn__normalize_find(d->normalize, data, out);
}
