/* Lists of transforms: their entries, sizes, draws, and the batches that a loader makes of them. */
#include "data/transform.h"

#include <math.h>

#include "base/alloc.h"
#include "data/drawn_image.h"
#include "data/loader.h"
#include "tiny_data.h"

static void *add(wn__transforms *list, const char *name)
{
    void *config = NULL;
    const wn__sample_transform *type = wn__sample_transform_find(name);
    CHECK(type != NULL);
    CHECK_OK(wn__transforms_add(list, type, &config));
    return config;
}

static void set(wn__transforms *list, const char *name, const char *value)
{
    const struct wn__listed_transform *last = &list->item[list->count - 1];
    CHECK_OK(wn__settings_set(last->type->settings, last->config, name, value));
}

/* ---- lists */

TEST(every_entry_has_one_part_and_settings)
{
    for (int i = 0; wn__sample_transforms[i]; i++) {
        const wn__sample_transform *t = wn__sample_transforms[i];
        CHECK_EQ_INT((t->pixels != NULL) + (t->normalize != NULL) + (t->input != NULL) + (t->mix != NULL), 1);
        CHECK(t->name && t->summary && t->settings && t->config_size > 0);
        CHECK(wn__sample_transform_find(t->name) == t);
    }
    CHECK(wn__sample_transform_find("resize ") == NULL);
}

TEST(entries_stand_in_the_order_of_their_kinds)
{
    wn__transforms list = {0};
    void *config;
    add(&list, "random-erasing");
    CHECK_STATUS(wn__transforms_add(&list, wn__sample_transform_find("flip"), &config), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "flip is of pixels and must stand before random-erasing");
    add(&list, "mixup");
    CHECK_STATUS(wn__transforms_add(&list, wn__sample_transform_find("random-erasing"), &config), WN_EUSAGE);
    while (list.count < WN__MOST_TRANSFORMS)
        add(&list, "cutmix");
    CHECK_STATUS(wn__transforms_add(&list, wn__sample_transform_find("cutmix"), &config), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "at most 16");
    wn__transforms_release(&list);
}

TEST(sizes_follow_from_the_list)
{
    wn__transforms list = {0};
    int height = 0, width = 0;
    CHECK(!wn__transforms_give_size(NULL) && !wn__transforms_give_size(&list));
    add(&list, "resize");
    CHECK(!wn__transforms_give_size(&list)); /* of the shorter side: pictures of any size stay so */
    height = 375, width = 500;
    wn__transforms_size(&list, &height, &width);
    CHECK(height == 256 && width == 341);
    add(&list, "flip");
    add(&list, "center-crop");
    set(&list, "size", "[192, 224]");
    CHECK(wn__transforms_give_size(&list));
    height = width = 0;
    wn__transforms_size(&list, &height, &width);
    CHECK(height == 192 && width == 224);
    wn__transforms_release(&list);
}

TEST(lists_are_written_with_all_settings)
{
    wn__transforms list = {0};
    wn__text text = {0};
    add(&list, "random-resized-crop");
    set(&list, "scale", "[0.25, 1]");
    add(&list, "flip");
    wn__transforms_write(&list, &text);
    CHECK_EQ_TEXT(text.data,
                  "[{random-resized-crop: {size: 224, scale: [0.25, 1], ratio: [0.75, 1.3333333333333333], interpolation: bilinear}}, "
                  "{flip: {p: 0.5}}]");
    wn__text_release(&text);
    wn__transforms_release(&list);
}

TEST(settings_that_make_no_sense_are_told)
{
    wn__transforms list = {0};
    const wn__sample_transform *crop = wn__sample_transform_find("random-resized-crop");
    void *config = add(&list, "random-resized-crop");
    CHECK_OK(crop->check(config));
    set(&list, "scale", "[1, 0.5]");
    CHECK_STATUS(crop->check(config), WN_EUSAGE);
    set(&list, "scale", "0.5");
    CHECK_STATUS(crop->check(config), WN_EUSAGE);
    set(&list, "scale", "[0.5, 0.5]");
    set(&list, "size", "22.5");
    CHECK_STATUS(crop->check(config), WN_EUSAGE);
    CHECK_STATUS(wn__settings_set(crop->settings, config, "size", "[1, 2, 3, 4, 5]"), WN_EUSAGE);
    CHECK_STATUS(wn__settings_set(crop->settings, config, "size", "[1, 2"), WN_OK); /* brackets are for YAML */
    CHECK_STATUS(wn__settings_set(crop->settings, config, "size", "[1, x]"), WN_EUSAGE);
    CHECK_STATUS(wn__settings_set(crop->settings, config, "size", "1]"), WN_EUSAGE);
    CHECK_STATUS(wn__settings_set(crop->settings, config, "size", "0"), WN_EUSAGE);
    wn__transforms_release(&list);
}

/* ---- pixels: digests of what torchvision 0.29 makes with Pillow 13.0; test/io/torchvision_transforms.py compares real pictures */

static void check_picture(const wn__transforms *list, const char *bytes, const char *floats)
{
    wn__pixels image = draw_image(3, 301, 407);
    wn__canvas canvas = {0};
    wn__normalize normalize;
    char text[WN__SHA256_TEXT];
    wn__canvas_begin(&canvas, 3, image.height, image.width, image.data);
    CHECK_OK(wn__transforms_pixels(list, (wn__draw){3, 1, 5}, &canvas));
    const wn__pixels *got = wn__canvas_image(&canvas);
    CHECK_OK(wn__sha256(got->data, image_bytes(got), text));
    CHECK_EQ_TEXT(text, bytes);
    CHECK(wn__transforms_normalize(list, 3, &normalize));
    float *input = WN_NEW_ARRAY(float, (int64_t)image_bytes(got));
    wn__normalize_image(&normalize, 3, (int64_t)got->height * got->width, got->data, input);
    wn__transforms_input(list, (wn__draw){3, 1, 5}, 3, got->height, got->width, input);
    CHECK_OK(wn__sha256(input, image_bytes(got) * sizeof *input, text));
    CHECK_EQ_TEXT(text, floats);
    wn__free(input);
    wn__canvas_release(&canvas);
    wn__pixels_release(&image);
}

TEST(evaluation_of_imagenet_equals_torchvision)
{
    wn__transforms list = {0};
    add(&list, "resize");
    add(&list, "center-crop");
    add(&list, "normalize");
    check_picture(&list, "1769c2d1b541c160dadeeb059f02cecd90229ca85c7fd0a7303d14328729f8ff",
                  "8302eae17b08130f538e6fcc57ad71164bed42cf81bc33a4c616133f76a83d82");
    wn__transforms_release(&list);
}

/* One side may be cut while the other is padded; of padding the smaller half comes first. */
TEST(smaller_pictures_are_padded_as_torchvision_does)
{
    static const char *const sizes[] = {"[302, 500]", "[500, 302]", "[600, 600]", "[301, 408]", "[307, 400]", "[304, 412]"},
                             *const digests[] = {"afe5b7f87f48122699edd9adb746cabe44e84429a853920f69944c2351ede065",
                                                 "b66fd85dc5ebcfd4e49ea10f73c5d8ec91d332c976cd3a82da1d919d7116fb34",
                                                 "276f4cab2c0a836f1ff90a5a14a13181e748ddaef9588b35f8a0b9fe97b00967",
                                                 "4f6ca77c31ef284558cd93eecac485e62a7f153bfc5eb740a4a4c3f4ac03f4ed",
                                                 "2e320948d6b004021272dbca3ecd093e0601b721af09fa31a1a5c3966b9574f0",
                                                 "33cad09093c6cd6a5ccff16d823c6373926bee80ffe02a633bdda823cc84b1e2"};
    wn__transforms list = {0};
    wn__pixels image = draw_image(3, 301, 407);
    wn__canvas canvas = {0};
    char text[WN__SHA256_TEXT];
    add(&list, "center-crop");
    for (int i = 0; i < 6; i++) {
        set(&list, "size", sizes[i]);
        wn__canvas_begin(&canvas, 3, image.height, image.width, image.data);
        CHECK_OK(wn__transforms_pixels(&list, (wn__draw){0}, &canvas));
        const wn__pixels *got = wn__canvas_image(&canvas);
        CHECK_OK(wn__sha256(got->data, image_bytes(got), text));
        CHECK_EQ_TEXT(text, digests[i]);
    }
    wn__canvas_release(&canvas);
    wn__pixels_release(&image);
    wn__transforms_release(&list);
}

TEST(training_equals_torchvision_with_the_same_draws)
{
    wn__transforms list = {0};
    add(&list, "random-resized-crop");
    add(&list, "flip");
    set(&list, "p", "1");
    add(&list, "color-jitter");
    set(&list, "hue", "0.1");
    add(&list, "randaugment");
    add(&list, "normalize");
    add(&list, "random-erasing");
    set(&list, "p", "1");
    check_picture(&list, "64cf372c61614c4d615b75f86842a5464708e2de4ceabf936bd1f060a9820d65",
                  "5b109511d9b3e66f7d5940f8f480461c0fc979203eac463249bdc98b46ff2129");
    wn__transforms_release(&list);
}

TEST(given_pixels_are_never_written)
{
    wn__transforms list = {0};
    wn__pixels image = draw_image(3, 40, 50), copy = draw_image(3, 40, 50);
    wn__canvas canvas = {0};
    static const char *const names[] = {"pad-crop", "flip", "color-jitter", "randaugment", "center-crop"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        add(&list, names[i]);
        if (strcmp(names[i], "flip") == 0) set(&list, "p", "1");
        if (strcmp(names[i], "center-crop") == 0) set(&list, "size", "32");
        for (int sample = 0; sample < 4; sample++) {
            wn__canvas_begin(&canvas, 3, image.height, image.width, image.data);
            CHECK_OK(wn__transforms_pixels(&list, (wn__draw){1, 0, sample}, &canvas));
            CHECK(memcmp(image.data, copy.data, image_bytes(&image)) == 0);
        }
    }
    wn__canvas_release(&canvas);
    wn__pixels_release(&image);
    wn__pixels_release(&copy);
    wn__transforms_release(&list);
}

TEST(an_entry_more_changes_no_draw_of_those_before_it)
{
    enum { SIDE = 12 };
    wn__transforms list = {0};
    wn__pixels image = draw_image(1, SIDE, SIDE);
    wn__canvas canvas = {0};
    uint8_t before[20][SIDE * SIDE];
    add(&list, "pad-crop");
    for (int run = 0; run < 2; run++) {
        for (int sample = 0; sample < 20; sample++) {
            wn__canvas_begin(&canvas, 1, SIDE, SIDE, image.data);
            CHECK_OK(wn__transforms_pixels(&list, (wn__draw){9, 2, sample}, &canvas));
            if (run == 0)
                memcpy(before[sample], wn__canvas_image(&canvas)->data, sizeof *before);
            else
                CHECK(memcmp(before[sample], wn__canvas_image(&canvas)->data, sizeof *before) == 0);
        }
        add(&list, "flip");
        set(&list, "p", "0");
    }
    wn__canvas_release(&canvas);
    wn__pixels_release(&image);
    wn__transforms_release(&list);
}

TEST(shares_are_beta_distributed)
{
    static const double alphas[] = {0.1, 0.2, 1, 4};
    enum { COUNT = 40000 };
    for (size_t a = 0; a < 4; a++) {
        double mean = 0, square = 0;
        wn__rng r = wn__rng_make(1, WN__FOR_TEST, a, 0);
        for (int i = 0; i < COUNT; i++) {
            const double x = wn__draw_share(alphas[a], &r);
            CHECK(x >= 0 && x <= 1);
            mean += x / COUNT;
            square += (x - 0.5) * (x - 0.5) / COUNT;
        }
        const double variance = 1 / (4 * (2 * alphas[a] + 1));
        CHECK_NEAR(mean, 0.5, 5 * sqrt(variance / COUNT), 0);
        CHECK_NEAR(square, variance, 0.03 * variance, 0);
    }
}

/* ---- batches */

enum { SIDE = 8, IMAGE = SIDE * SIDE, COUNT = 30, BATCH = 7 };

static wn__dataset small_set(void)
{
    static uint8_t pixels[COUNT * IMAGE];
    static int32_t labels[COUNT];
    static const wn__dataset_type type = {.name = "small", .facts.sample = {.channels = 1, .height = SIDE, .width = SIDE, .classes = 5}};
    static wn__dataset data; /* kept to the end; tests change copies */
    if (data.source) return data;
    for (int i = 0; i < COUNT; i++) {
        labels[i] = i % 5;
        for (int p = 0; p < IMAGE; p++)
            pixels[i * IMAGE + p] = (uint8_t)(i * 8 + p % 8);
    }
    data = tiny_dataset(&type, (wn__memory_part){COUNT, pixels, labels}, (wn__memory_part){0});
    return data;
}

static wn__loader_options options_of(const wn__dataset *data, const wn__transforms *list, int threads)
{
    wn__loader_options o = {.data = data, .batch = BATCH, .seed = 3, .order = WN__SAMPLES_SHUFFLED, .threads = threads, .transforms = list};
    CHECK_OK(wn__split_make(&data->facts, "none", 0, &o.split));
    CHECK_OK(wn__normalize_find("none", data, &o.normalize));
    return o;
}

static void check_targets(const wn__batch *b)
{
    CHECK(b->targets.kind == WN_TARGET_DISTRIBUTION && b->targets.width == 5 && b->told.kind == WN_TARGET_CLASS);
    for (int64_t i = 0; i < b->n; i++) {
        const float *share = b->targets.values + i * 5;
        double sum = 0;
        for (int c = 0; c < 5; c++) {
            CHECK(share[c] >= 0 && share[c] <= share[b->told.classes[i]]);
            sum += share[c];
        }
        CHECK_NEAR(sum, 1, 1e-6, 0);
    }
}

/* The plain batch that a mixed one was made of tells the share and what lies where. */
static void check_mix(const char *name, const wn__batch *plain, const wn__batch *mixed)
{
    const bool cut = strcmp(name, "cutmix") == 0;
    for (int64_t i = 0; i < mixed->n; i++) {
        const int64_t other = i ? i - 1 : mixed->n - 1;
        const int32_t own = plain->targets.classes[i], others = plain->targets.classes[other];
        const double share = own == others ? -1 : (double)mixed->targets.values[i * 5 + own];
        int taken = 0;
        for (int p = 0; p < IMAGE; p++) {
            const double a = (double)plain->input[i * IMAGE + p], b = (double)plain->input[other * IMAGE + p],
                         got = (double)mixed->input[i * IMAGE + p];
            if (cut) CHECK(got == a || got == b);
            if (!cut && share >= 0) CHECK_NEAR(got, share * a + (1 - share) * b, 1e-6, 0);
            taken += got != a;
        }
        if (cut && share >= 0) CHECK_NEAR(share, 1 - taken / (double)IMAGE, 1e-6, 0);
        if (share >= 0) CHECK_NEAR((double)mixed->targets.values[i * 5 + others], 1 - share, 1e-6, 0);
    }
}

static void check_mixing(const char *name)
{
    const wn__dataset data = small_set();
    wn__transforms list = {0};
    wn__loader *plain, *mixing;
    add(&list, name);
    set(&list, "alpha", "1");
    const wn__loader_options o = options_of(&data, &list, 1), without = options_of(&data, NULL, 0);
    CHECK_OK(wn__loader_new(&o, &mixing));
    CHECK_OK(wn__loader_new(&without, &plain));
    CHECK_EQ_INT(wn__loader_target_kind(mixing), WN_TARGET_DISTRIBUTION);
    CHECK_EQ_INT(wn__loader_target_kind(plain), WN_TARGET_CLASS);
    for (int k = 0; k < 20; k++) {
        const wn__batch *a, *b;
        CHECK_OK(wn__loader_next(plain, &a));
        CHECK_OK(wn__loader_next(mixing, &b));
        check_targets(b);
        check_mix(name, a, b);
    }
    wn__loader_free(plain);
    wn__loader_free(mixing);
    wn__transforms_release(&list);
}

TEST(mixup_blends_samples_and_targets_alike) { check_mixing("mixup"); }
TEST(cutmix_shares_targets_by_area) { check_mixing("cutmix"); }

static uint64_t digest(wn__loader *l, int batches)
{
    uint64_t sum = 0;
    for (int k = 0; k < batches; k++) {
        const wn__batch *b;
        CHECK_OK(wn__loader_next(l, &b));
        const uint32_t *input = (const uint32_t *)b->input, *targets = (const uint32_t *)b->targets.values;
        for (int64_t i = 0; i < b->n * IMAGE; i++)
            sum = sum * 1000003 + input[i];
        for (int64_t i = 0; i < b->n * 5; i++)
            sum = sum * 1000003 + targets[i];
    }
    return sum;
}

TEST(threads_and_seeking_change_nothing)
{
    static const char *const names[] = {"resize",      "center-crop",    "pad-crop", "flip",  "color-jitter",
                                        "randaugment", "random-erasing", "mixup",    "cutmix"};
    const wn__dataset data = small_set();
    wn__transforms list = {0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        add(&list, names[i]);
        if (i < 2) set(&list, "size", i ? "8" : "10");
    }
    uint64_t first = 0, second = 0;
    for (int threads = 0; threads <= 4; threads += 2) {
        wn__loader_options o = options_of(&data, &list, threads);
        wn__loader *l;
        CHECK_OK(wn__loader_new(&o, &l));
        const uint64_t a = digest(l, 9), b = digest(l, 12);
        CHECK_OK(wn__loader_seek(l, 1, 4));
        CHECK(digest(l, 12) == b);
        if (threads == 0) first = a, second = b;
        CHECK(a == first && b == second && a != b);
        wn__loader_free(l);
    }
    wn__transforms_release(&list);
}

TEST(mixing_wants_classes_and_each_sample_once)
{
    wn__dataset data = small_set();
    wn__transforms list = {0};
    wn__loader *l;
    add(&list, "mixup");
    wn__loader_options o = options_of(&data, &list, 0);
    o.last_batch = WN__LAST_WRAP;
    CHECK_STATUS(wn__loader_new(&o, &l), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "wrap");
    o.last_batch = WN__LAST_KEEP;
    data.facts.sample.target = WN_TARGET_VALUES;
    CHECK_STATUS(wn__loader_new(&o, &l), WN_EUSAGE);
    wn__transforms_release(&list);
}

TEST(pictures_that_do_not_end_in_the_network_s_size_are_told)
{
    wn__dataset data = small_set();
    wn__transforms list = {0};
    wn__loader *l;
    const wn__batch *b;
    add(&list, "center-crop");
    set(&list, "size", "7");
    const wn__loader_options o = options_of(&data, &list, 0);
    CHECK_OK(wn__loader_new(&o, &l));
    CHECK_STATUS(wn__loader_next(l, &b), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "8 x 8 pixels becomes 7 x 7, but the network sees 8 x 8");
    wn__loader_free(l);
    wn__transforms_release(&list);
}

/* Of the set: what evaluations do, and training before entries that leave the size. */
TEST(the_set_s_list_fits_pictures_where_the_other_does_not)
{
    wn__dataset data = small_set();
    wn__transforms fit = {0}, flip = {0};
    wn__loader *l[2];
    const wn__batch *b[2];
    add(&fit, "center-crop");
    set(&fit, "size", "4");
    add(&flip, "flip");
    set(&flip, "p", "1");
    data.fit = &fit;
    data.facts.sample.height = data.facts.sample.width = 4;
    for (int i = 0; i < 2; i++) {
        const wn__loader_options o = options_of(&data, i ? &flip : NULL, 0);
        CHECK_OK(wn__loader_new(&o, &l[i]));
        CHECK_OK(wn__loader_next(l[i], &b[i]));
    }
    for (int p = 0; p < 16; p++) {
        const int place = (int)b[0]->samples[0] * 8 + 2 + p % 4;
        CHECK_NEAR((double)b[0]->input[p] * 255, place, 1e-4, 0);
        CHECK_EQ_INT((double)b[1]->input[p], (double)b[0]->input[p / 4 * 4 + 3 - p % 4]);
    }
    wn__loader_free(l[0]);
    wn__loader_free(l[1]);
    wn__transforms_release(&fit);
    wn__transforms_release(&flip);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {
        RUN(every_entry_has_one_part_and_settings),
        RUN(entries_stand_in_the_order_of_their_kinds),
        RUN(sizes_follow_from_the_list),
        RUN(lists_are_written_with_all_settings),
        RUN(settings_that_make_no_sense_are_told),
        RUN(evaluation_of_imagenet_equals_torchvision),
        RUN(smaller_pictures_are_padded_as_torchvision_does),
        RUN(training_equals_torchvision_with_the_same_draws),
        RUN(given_pixels_are_never_written),
        RUN(an_entry_more_changes_no_draw_of_those_before_it),
        RUN(shares_are_beta_distributed),
        RUN(mixup_blends_samples_and_targets_alike),
        RUN(cutmix_shares_targets_by_area),
        RUN(threads_and_seeking_change_nothing),
        RUN(mixing_wants_classes_and_each_sample_once),
        RUN(pictures_that_do_not_end_in_the_network_s_size_are_told),
        RUN(the_set_s_list_fits_pictures_where_the_other_does_not),
        {0},
    };
    return wn_test_main(argc, argv, tests);
}
