#include "base/fail.h"
#include "data/transform.h"

extern const wn__sample_transform wn__sample_transform_normalize;

typedef struct normalize_config {
    wn__numbers mean, std;
} normalize_config;

static const wn__setting settings[] = {
    WN_SETTING_NUMBERS(normalize_config, mean, "[0.485, 0.456, 0.406]", -10, 10, "of pixels / 255: a number a channel, or one for all"),
    WN_SETTING_NUMBERS(normalize_config, std, "[0.229, 0.224, 0.225]", 1e-6, 1000, "likewise"),
    {0}};

static bool fits(const wn__numbers *list) { return list->count == 1 || list->count == 3; }

static wn_status check(const void *config)
{
    const normalize_config *c = config;
    if (fits(&c->mean) && fits(&c->std)) return WN_OK;
    return wn__fail(WN_EUSAGE, "mean and std: one number, or three");
}

/* One channel gets the average. */
static float of_channel(const wn__numbers *list, int channels, int c)
{
    if (list->count == 1) return (float)list->value[0];
    return channels == 1 ? (float)((list->value[0] + list->value[1] + list->value[2]) / 3) : (float)list->value[c];
}

static void normalize(const void *config, int channels, wn__normalize *out)
{
    const normalize_config *n = config;
    *out = (wn__normalize){.kind = WN__NORMALIZE_MEAN_STD, .std = {1, 1, 1}, .name = "listed"};
    for (int c = 0; c < channels && c < WN__MAX_CHANNELS; c++) {
        out->mean[c] = of_channel(&n->mean, channels, c);
        out->std[c] = of_channel(&n->std, channels, c);
    }
}

const wn__sample_transform wn__sample_transform_normalize = {
    .name = "normalize",
    .summary = "(pixels / 255 - mean) / std, in place of the key `normalize`",
    .steady = true,
    .settings = settings,
    .config_size = sizeof(normalize_config),
    .check = check,
    .normalize = normalize,
};
