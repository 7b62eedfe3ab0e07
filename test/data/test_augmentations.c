#include "data/colors.h"
#include "data/crops.h"
#include "data/drawn_image.h"
#include "data/rand_augment.h"

static wn__rng stream(int64_t sample) { return wn__rng_make(7, WN__FOR_TEST, 0, (uint64_t)sample); }

static wn__pixels copy_of(const wn__pixels *p)
{
    wn__pixels copy = {0};
    CHECK_OK(wn__pixels_make(&copy, p->channels, p->height, p->width));
    memcpy(copy.data, p->data, image_bytes(p));
    return copy;
}

static bool are_equal(const wn__pixels *a, const wn__pixels *b) { return memcmp(a->data, b->data, image_bytes(a)) == 0; }

/* ---- colours: digests of what Pillow 13.0 and torchvision 0.29 give */

static void check_change(void (*change)(wn__pixels *p, double amount), const double amounts[5], int count, const char *want)
{
    char text[WN__SHA256_TEXT];
    wn__sha256_state *digest;
    wn__pixels image = draw_image(3, 83, 97);
    CHECK_OK(wn__sha256_new(&digest));
    for (int i = 0; i < count; i++) {
        wn__pixels changed = copy_of(&image);
        change(&changed, amounts[i]);
        add_to_digest(digest, &changed);
        wn__pixels_release(&changed);
    }
    CHECK_OK(wn__sha256_finish(digest, text));
    CHECK_EQ_TEXT(text, want);
    wn__pixels_release(&image);
}

static void sharpen(wn__pixels *p, double factor)
{
    wn__pixels out = {0};
    CHECK_OK(wn__change_sharpness(p, factor, &out));
    memcpy(p->data, out.data, image_bytes(p));
    wn__pixels_release(&out);
}

TEST(changes_of_colours_equal_pillow)
{
    static const double factors[5] = {0.0, 0.4, 1.0, 1.6, 3.5}, turns[5] = {-0.5, -0.2, 0.0, 0.33, 0.5},
                        thresholds[5] = {0, 100.5, 128, 256};
    check_change(wn__change_brightness, factors, 5, "3a9be3c657c71ac9f5d5ebd57a5127549f9fab03cf72c39ffee00aca522a9f46");
    check_change(wn__change_contrast, factors, 5, "b3bbad56fd690831b65480f731db09ccbdf1c8688db2e269fe00dfdeb2dba0df");
    check_change(wn__change_saturation, factors, 5, "a751867396390851e0ddef3e97854bfad8e52bbda6599e5d82a08f5cac89d730");
    check_change(sharpen, factors, 5, "8fab8c798c42735b0b1a332ee99604d62727e6a6f7f0121f8543b8e895928c32");
    check_change(wn__change_hue, turns, 5, "82e23c16841a9854dd6a29f2f745c8f81cf2fc9e903385974ac77131b8680ef1");
    check_change(wn__solarize, thresholds, 4, "74c64c4d730f5d460401193e7ec287a57433d423dda71b42122ca97eeb2d976d");
}

TEST(gray_images_have_no_hue_and_no_saturation)
{
    wn__pixels image = draw_image(1, 20, 30), changed = copy_of(&image);
    wn__change_hue(&changed, 0.3);
    wn__change_saturation(&changed, 2);
    CHECK(are_equal(&image, &changed));
    wn__change_contrast(&changed, 0);
    for (int i = 1; i < 600; i++)
        CHECK_EQ_INT(changed.data[i], changed.data[0]);
    wn__pixels_release(&image);
    wn__pixels_release(&changed);
}

TEST(operations_of_randaugment_equal_torchvision)
{
    static const int magnitudes[] = {0, 9, 20, 30};
    char text[WN__SHA256_TEXT];
    wn__sha256_state *digest;
    wn__pixels image = draw_image(3, 83, 97), spare = {0};
    CHECK_OK(wn__sha256_new(&digest));
    for (int i = 0; i < WN__RAND_AUGMENT_OPERATIONS * 8; i++) {
        wn__pixels changed = copy_of(&image);
        CHECK_OK(wn__rand_augment_apply(i / 8, magnitudes[i / 2 % 4], i % 2, &changed, &spare));
        add_to_digest(digest, &changed);
        wn__pixels_release(&changed);
    }
    CHECK_OK(wn__sha256_finish(digest, text));
    CHECK_EQ_TEXT(text, "04583b7eca650936d65dc54b07660094bc5a6c0b11cbfb16b9204d3de3c6fbb1");
    wn__pixels_release(&image);
    wn__pixels_release(&spare);
}

TEST(one_stream_gives_one_image_and_another_stream_another)
{
    static const wn__rand_augment augment = {.operations = 3, .magnitude = 9};
    wn__pixels image = draw_image(3, 24, 24), spare = {0};
    int changed = 0;
    for (int sample = 0; sample < 20; sample++) {
        wn__rng r = stream(sample), again = stream(sample);
        wn__pixels a = copy_of(&image), b = copy_of(&image);
        CHECK_OK(wn__rand_augment_image(&augment, &r, &a, &spare));
        CHECK_OK(wn__rand_augment_image(&augment, &again, &b, &spare));
        CHECK(are_equal(&a, &b));
        CHECK_EQ_INT(wn__rng_u64(&r), wn__rng_u64(&again));
        changed += !are_equal(&a, &image);
        wn__pixels_release(&a);
        wn__pixels_release(&b);
    }
    CHECK(changed > 15);
    wn__pixels_release(&image);
    wn__pixels_release(&spare);
}

TEST(jitter_takes_the_same_draws_whichever_changes_are_in_use)
{
    static const wn__color_jitter none = {0}, one = {.brightness = 0.4}, all = {0.4, 0.4, 0.4, 0.1};
    wn__pixels image = draw_image(3, 24, 24);
    for (int sample = 0; sample < 10; sample++) {
        wn__rng r[3] = {stream(sample), stream(sample), stream(sample)};
        wn__pixels a = copy_of(&image), b = copy_of(&image), c = copy_of(&image);
        wn__jitter_colors(&none, &r[0], &a);
        wn__jitter_colors(&one, &r[1], &b);
        wn__jitter_colors(&all, &r[2], &c);
        CHECK(are_equal(&a, &image) && !are_equal(&b, &image) && !are_equal(&b, &c));
        const uint64_t next = wn__rng_u64(&r[0]);
        CHECK(wn__rng_u64(&r[1]) == next && wn__rng_u64(&r[2]) == next);
        wn__pixels_release(&a);
        wn__pixels_release(&b);
        wn__pixels_release(&c);
    }
    wn__pixels_release(&image);
}

/* ---- parts */

TEST(sizes_and_middles_are_torchvision_s)
{
    static const int sizes[][4] = {{375, 500, 256, 341},  {500, 375, 341, 256},  {333, 500, 256, 384}, {256, 256, 256, 256},
                                   {301, 1000, 256, 850}, {1000, 301, 850, 256}, {57, 99, 256, 444}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int height, width;
        wn__short_side_size(sizes[i][0], sizes[i][1], 256, &height, &width);
        CHECK_EQ_INT(height, sizes[i][2]);
        CHECK_EQ_INT(width, sizes[i][3]);
    }
    static const int middles[][6] = {
        {257, 256, 224, 224, 16, 16}, {341, 256, 224, 224, 58, 16}, {225, 227, 224, 224, 0, 2}, {10, 13, 3, 4, 4, 4}};
    for (size_t i = 0; i < sizeof middles / sizeof *middles; i++) {
        const int *m = middles[i];
        const wn__crop crop = wn__center_crop(m[0], m[1], m[2], m[3]);
        CHECK_EQ_INT(crop.top, m[4]);
        CHECK_EQ_INT(crop.left, m[5]);
        CHECK(crop.height == m[2] && crop.width == m[3]);
    }
}

static const wn__crop_ranges usual = {{0.08, 1}, {3.0 / 4, 4.0 / 3}};

TEST(random_parts_lie_inside_and_have_drawn_areas_and_ratios)
{
    double area = 0, wide = 0, left = 0;
    const int count = 20000;
    for (int i = 0; i < count; i++) {
        wn__rng r = stream(i), again = stream(i);
        const wn__crop c = wn__random_resized_crop(&usual, 300, 400, &r), same = wn__random_resized_crop(&usual, 300, 400, &again);
        CHECK(memcmp(&c, &same, sizeof c) == 0);
        CHECK(c.height >= 1 && c.width >= 1 && c.top >= 0 && c.left >= 0 && c.top + c.height <= 300 && c.left + c.width <= 400);
        CHECK(c.width <= c.height * 1.34 + 1 && c.height <= c.width * 1.34 + 1);
        area += (double)c.height * c.width / (300 * 400) / count;
        wide += (double)(c.width > c.height) / count;
        left += c.left == 0 ? 0 : (double)c.left / (400 - c.width) / count;
    }
    CHECK_NEAR(area, 0.4324, 0.006, 0); /* the mean of 100,000 of torchvision's; the largest fit least often */
    CHECK_NEAR(left, 0.5, 0.01, 0);
    CHECK(wide > 0.5);
}

TEST(where_no_part_fits_the_middle_is_taken_as_large_as_ratios_allow)
{
    wn__rng r = stream(1);
    wn__crop c = wn__random_resized_crop(&(wn__crop_ranges){{1, 1}, {0.75, 4.0 / 3}}, 100, 10, &r); /* narrow */
    CHECK(c.width == 10 && c.height == 13 && c.top == 43 && c.left == 0);
    c = wn__random_resized_crop(&(wn__crop_ranges){{1, 1}, {0.75, 4.0 / 3}}, 10, 100, &r); /* wide */
    CHECK(c.width == 13 && c.height == 10 && c.top == 0 && c.left == 43);
    c = wn__random_resized_crop(&(wn__crop_ranges){{1, 1}, {1e-9, 2e-9}}, 10, 10, &r);
    CHECK(c.width == 1 || c.width == 10);
    c = wn__random_resized_crop(&usual, 1, 1, &r);
    CHECK(c.width == 1 && c.height == 1 && c.top == 0 && c.left == 0);
}

TEST(erased_parts_hold_the_value_or_normal_numbers)
{
    enum { H = 20, W = 30 };
    static float image[2 * H * W];
    static const float value[] = {5, 6};
    wn__rng r = stream(2);
    wn__crop c;
    CHECK(wn__random_erasing(&(wn__crop_ranges){{0.1, 0.3}, {0.3, 3.3}}, H, W, &r, &c));
    CHECK(c.height < H && c.width < W && c.top + c.height <= H && c.left + c.width <= W);
    wn__erase(image, 2, H, W, c, value, &r);
    for (int i = 0; i < 2 * H * W; i++) {
        const int y = i / W % H, x = i % W;
        const bool covered = y >= c.top && y < c.top + c.height && x >= c.left && x < c.left + c.width;
        CHECK_EQ_INT(image[i], covered ? value[i / (H * W)] : 0);
    }
    wn__erase(image, 2, H, W, c, NULL, &r);
    CHECK(image[c.top * W + c.left] != 5 && image[c.top * W + c.left] != image[c.top * W + c.left + 1]);
    CHECK(!wn__random_erasing(&(wn__crop_ranges){{1, 1}, {1, 1}}, H, W, &r, &c)); /* the whole image is never erased */
}

TEST(flip_mirrors_left_and_right)
{
    wn__pixels p = {0};
    CHECK_OK(wn__pixels_make(&p, 1, 2, 3));
    memcpy(p.data, "123456", 6);
    wn__flip(&p);
    CHECK(memcmp(p.data, "321654", 6) == 0);
    wn__pixels_release(&p);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {
        RUN(changes_of_colours_equal_pillow),
        RUN(gray_images_have_no_hue_and_no_saturation),
        RUN(operations_of_randaugment_equal_torchvision),
        RUN(one_stream_gives_one_image_and_another_stream_another),
        RUN(jitter_takes_the_same_draws_whichever_changes_are_in_use),
        RUN(sizes_and_middles_are_torchvision_s),
        RUN(random_parts_lie_inside_and_have_drawn_areas_and_ratios),
        RUN(where_no_part_fits_the_middle_is_taken_as_large_as_ratios_allow),
        RUN(erased_parts_hold_the_value_or_normal_numbers),
        RUN(flip_mirrors_left_and_right),
        {0},
    };
    return wn_test_main(argc, argv, tests);
}
