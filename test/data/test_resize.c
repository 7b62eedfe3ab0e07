#include "data/drawn_image.h"
#include "data/resize.h"

static const wn__filter filters[] = {WN__FILTER_NEAREST, WN__FILTER_BILINEAR, WN__FILTER_BICUBIC};

static const int sizes[][2] = {{1, 1},   {1, 97},   {2, 3},   {7, 7},    {8, 64},  {16, 16},   {33, 31},   {64, 65},
                               {83, 97}, {83, 200}, {97, 83}, {128, 83}, {200, 7}, {224, 224}, {300, 333}, {401, 5}};

/* Pillow's bytes: SHA-256 over all sizes and filters (nearest, bilinear, bicubic), planes red, green, blue. */
static void check_digest(wn__crop crop, bool rows_first, const char *want)
{
    char text[WN__SHA256_TEXT];
    wn__sha256_state *digest;
    wn__resizer r = {0};
    wn__pixels in = draw_image(3, 83, 97), out = {0};
    CHECK_OK(wn__sha256_new(&digest));
    for (size_t f = 0; f < sizeof filters / sizeof *filters; f++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            const wn__resize_options options = {sizes[i][0], sizes[i][1], filters[f], rows_first};
            CHECK_OK(wn__resize(&r, &in, crop, &options, &out));
            add_to_digest(digest, &out);
        }
    CHECK_OK(wn__sha256_finish(digest, text));
    CHECK_EQ_TEXT(text, want);
    wn__pixels_release(&in);
    wn__pixels_release(&out);
    wn__resizer_release(&r);
}

TEST(a_whole_image_in_many_sizes_equals_pillow_13)
{
    check_digest((wn__crop){0, 0, 83, 97}, false, "067f94fedf09b6170201cffc068593ecb45cd62abd804ce2bd177e5ad354f5b4");
}

TEST(a_part_of_an_image_in_many_sizes_equals_pillow_13)
{
    check_digest((wn__crop){11, 6, 60, 41}, false, "c0569636545f0991b8d504e1e668a40155f805d8205364edab55df694199fba2");
}

TEST(with_the_pass_along_rows_first_it_equals_pillow_before_13)
{
    check_digest((wn__crop){0, 0, 83, 97}, true, "054214a3dfaa9653328c32cc9cafecabe40254c68c77551f5bf118c4fa25d964");
    check_digest((wn__crop){11, 6, 60, 41}, true, "b8fc47492984aed1e686183756610fbb45f6f1f892e3c27397257a2cfae93fbe");
}

TEST(nothing_beside_the_part_counts)
{
    wn__resizer r = {0};
    wn__pixels in = draw_image(1, 40, 50), out = {0}, again = {0};
    const wn__crop crop = {5, 9, 20, 25};
    for (size_t f = 0; f < sizeof filters / sizeof *filters; f++) {
        const wn__resize_options options = {13, 44, filters[f], false};
        CHECK_OK(wn__resize(&r, &in, crop, &options, &out));
        for (int i = 0; i < 40 * 50; i++) {
            const int y = i / 50 - crop.top, x = i % 50 - crop.left;
            if (y < 0 || y >= crop.height || x < 0 || x >= crop.width) in.data[i] ^= 0xFF;
        }
        CHECK_OK(wn__resize(&r, &in, crop, &options, &again));
        CHECK(memcmp(out.data, again.data, 13 * 44) == 0);
    }
    wn__pixels_release(&in);
    wn__pixels_release(&out);
    wn__pixels_release(&again);
    wn__resizer_release(&r);
}

TEST(the_same_size_is_a_copy_and_one_colour_stays_it)
{
    wn__resizer r = {0};
    wn__pixels in = draw_image(3, 21, 17), out = {0};
    for (size_t f = 0; f < sizeof filters / sizeof *filters; f++) {
        CHECK_OK(wn__resize(&r, &in, wn__crop_all(&in), &(wn__resize_options){21, 17, filters[f], false}, &out));
        CHECK(memcmp(in.data, out.data, 3 * 21 * 17) == 0);
    }
    memset(in.data, 201, 3 * 21 * 17);
    for (size_t f = 0; f < sizeof filters / sizeof *filters; f++) {
        CHECK_OK(wn__resize(&r, &in, wn__crop_all(&in), &(wn__resize_options){50, 5, filters[f], false}, &out));
        for (int i = 0; i < 3 * 50 * 5; i++)
            CHECK_EQ_INT(out.data[i], 201);
    }
    wn__pixels_release(&in);
    wn__pixels_release(&out);
    wn__resizer_release(&r);
}

TEST(parts_outside_and_empty_results_are_refused)
{
    wn__resizer r = {0};
    wn__pixels in = draw_image(1, 10, 20), out = {0};
    static const wn__crop outside[] = {{-1, 0, 5, 5}, {0, -1, 5, 5}, {6, 0, 5, 5},        {0, 16, 5, 5},
                                       {0, 0, 0, 5},  {0, 0, 5, 0},  {1, 0, INT32_MAX, 5}};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        CHECK_STATUS(wn__resize(&r, &in, outside[i], &(wn__resize_options){4, 4, WN__FILTER_BILINEAR, false}, &out), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "of an image of 20 x 10");
    CHECK_STATUS(wn__resize(&r, &in, wn__crop_all(&in), &(wn__resize_options){0, 4, WN__FILTER_BILINEAR, false}, &out), WN_EINVAL);
    wn__pixels_release(&in);
    wn__pixels_release(&out);
    wn__resizer_release(&r);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {
        RUN(a_whole_image_in_many_sizes_equals_pillow_13),
        RUN(a_part_of_an_image_in_many_sizes_equals_pillow_13),
        RUN(with_the_pass_along_rows_first_it_equals_pillow_before_13),
        RUN(nothing_beside_the_part_counts),
        RUN(the_same_size_is_a_copy_and_one_colour_stays_it),
        RUN(parts_outside_and_empty_results_are_refused),
        {0},
    };
    return wn_test_main(argc, argv, tests);
}
