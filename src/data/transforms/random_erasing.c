#include "base/fail.h"
#include "data/crops.h"
#include "data/transform.h"

extern const wn__sample_transform wn__sample_transform_random_erasing;

typedef struct erasing_config {
    double p;
    wn__numbers scale, ratio;
    int value;
} erasing_config;

static const char *const values[] = {"zero", "normal", NULL};

static const wn__setting settings[] = {
    WN_SETTING_FLOAT(erasing_config, p, 0.5, 0, 1, "probability"),
    WN_SETTING_NUMBERS(erasing_config, scale, "[0.02, 0.33]", 0, 1, "range of the part's area"),
    WN_SETTING_NUMBERS(erasing_config, ratio, "[0.3, 3.3]", 0.001, 1000, "range of the part's height to its width"),
    WN_SETTING_CHOICE(erasing_config, value, "zero", values, "what normalised values become: 0, the mean, or standard normal numbers"),
    {0}};

static wn_status check(const void *config)
{
    const erasing_config *c = config;
    WN_TRY(wn__range_check("scale", &c->scale));
    return wn__range_check("ratio", &c->ratio);
}

static void input(const void *config, wn__rng *r, int channels, int height, int width, float *image)
{
    static const float zeros[WN__MAX_CHANNELS];
    const erasing_config *c = config;
    const wn__crop_ranges ranges = {{c->scale.value[0], c->scale.value[1]}, {c->ratio.value[0], c->ratio.value[1]}};
    wn__crop part;
    if (wn__rng_uniform_double(r) >= c->p || !wn__random_erasing(&ranges, height, width, r, &part)) return;
    wn__erase(image, channels, height, width, part, c->value == 0 ? zeros : NULL, r);
}

const wn__sample_transform wn__sample_transform_random_erasing = {
    .name = "random-erasing",
    .summary = "a part of drawn area, ratio and place is blotted out; torchvision's RandomErasing",
    .paper = "Zhong et al. 2020, arXiv:1708.04896",
    .settings = settings,
    .config_size = sizeof(erasing_config),
    .check = check,
    .input = input,
};
