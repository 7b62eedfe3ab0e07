/* The embedded data set: the same bytes everywhere, balanced, without repeats between its ranges. */
#include "data/shapes.h"

#include "test.h"

enum { SIDE = WN__SHAPES_SIDE };

/* FNV-1a, 64 bits (Fowler, Noll, Vo), over the pixels and labels of `count` images. */
static uint64_t hash_of(uint64_t seed, uint64_t first, int count)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (int n = 0; n < count; n++) {
        uint8_t bytes[WN__SHAPES_BYTES + 1];
        int label;
        wn__shapes_image(seed, first + (uint64_t)n, bytes, &label);
        bytes[WN__SHAPES_BYTES] = (uint8_t)label;
        for (size_t i = 0; i < sizeof bytes; i++)
            hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

#define CHECK_HASH(got, want)                                                                 \
    do {                                                                                      \
        const unsigned long long got_ = (got), want_ = (want);                                \
        if (got_ != want_) WN_TEST_FAIL("%s is 0x%016llx, not 0x%016llx", #got, got_, want_); \
    } while (0)

/* Found with gcc 12 at -O2 on x86-64; another compiler, level or CPU must not change a byte. */
TEST(bytes_are_the_same_on_every_machine)
{
    CHECK_HASH(hash_of(0, WN__SHAPES_TRAIN, 200), UINT64_C(0xe28f7f1cfa655947));
    CHECK_HASH(hash_of(0, WN__SHAPES_TEST, 200), UINT64_C(0x011b5d6bd3f7b710));
    CHECK_HASH(hash_of(0, WN__SHAPES_FRESH, 200), UINT64_C(0x4899e7700ca5def1));
    CHECK_HASH(hash_of(UINT64_C(0x123456789abcdef0), 7, 200), UINT64_C(0x121d458171ae5b9a));
}

TEST(an_image_depends_on_seed_and_index_alone)
{
    uint8_t alone[WN__SHAPES_BYTES], after_others[WN__SHAPES_BYTES];
    int label, again;
    wn__shapes_image(3, 41, alone, &label);
    for (uint64_t i = 0; i <= 41; i++)
        wn__shapes_image(3, i, after_others, &again);
    CHECK(memcmp(alone, after_others, sizeof alone) == 0);
    CHECK_EQ_INT(again, label);
}

/* The same offset in each range, and in another seed, gives unrelated images: noise differs in most bytes. */
TEST(ranges_and_seeds_share_no_image)
{
    const uint64_t first[] = {WN__SHAPES_TRAIN, WN__SHAPES_TEST, WN__SHAPES_FRESH, WN__SHAPES_TRAIN};
    const uint64_t seed[] = {0, 0, 0, UINT64_C(1) << 32};
    uint8_t pixels[4][WN__SHAPES_BYTES];
    int label;
    for (uint64_t i = 0; i < 50; i++) {
        for (int r = 0; r < 4; r++)
            wn__shapes_image(seed[r], first[r] + i, pixels[r], &label);
        for (int a = 0; a < 4; a++)
            for (int b = 0; b < a; b++) {
                int different = 0;
                for (int k = 0; k < WN__SHAPES_BYTES; k++)
                    different += pixels[a][k] != pixels[b][k];
                CHECK(different > WN__SHAPES_BYTES / 2);
            }
    }
    CHECK(WN__SHAPES_TEST - WN__SHAPES_TRAIN >= UINT64_C(1) << 40);
    CHECK(WN__SHAPES_FRESH - WN__SHAPES_TEST >= UINT64_C(1) << 40);
}

/* Binomial with n = 10,000 and p = 0.1: 5 standard deviations are 150. */
TEST(classes_are_balanced_and_in_range)
{
    int count[WN__SHAPES_CLASSES] = {0};
    for (uint64_t i = 0; i < 10000; i++) {
        uint8_t pixels[WN__SHAPES_BYTES];
        int label = -1;
        wn__shapes_image(0, WN__SHAPES_TEST + i, pixels, &label);
        CHECK(label >= 0 && label < WN__SHAPES_CLASSES);
        count[label]++;
    }
    for (int k = 0; k < WN__SHAPES_CLASSES; k++)
        CHECK_NEAR(count[k], 1000, 150, 0);
}

/* Class must not leak through plain colour: the mean of each channel over a class stays near the mean over all. */
TEST(mean_colours_do_not_tell_the_class)
{
    enum { IMAGES = 5000 };
    double sum[WN__SHAPES_CLASSES][3] = {{0}}, all[3] = {0};
    int count[WN__SHAPES_CLASSES] = {0};
    for (uint64_t i = 0; i < IMAGES; i++) {
        uint8_t pixels[WN__SHAPES_BYTES];
        int label;
        wn__shapes_image(1, i, pixels, &label);
        count[label]++;
        for (int k = 0; k < WN__SHAPES_BYTES; k++)
            sum[label][k / (SIDE * SIDE)] += pixels[k] / (double)(SIDE * SIDE);
    }
    for (int k = 0; k < 3; k++) {
        for (int c = 0; c < WN__SHAPES_CLASSES; c++)
            all[k] += sum[c][k] / IMAGES;
        for (int c = 0; c < WN__SHAPES_CLASSES; c++)
            CHECK_NEAR(sum[c][k] / count[c], all[k], 12.0, 0);
    }
}

TEST(every_class_has_a_name)
{
    for (int a = 0; a < WN__SHAPES_CLASSES; a++) {
        CHECK(wn__shapes_class_names[a][0] != '\0');
        for (int b = 0; b < a; b++)
            CHECK(strcmp(wn__shapes_class_names[a], wn__shapes_class_names[b]) != 0);
    }
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(bytes_are_the_same_on_every_machine),
                                    RUN(an_image_depends_on_seed_and_index_alone),
                                    RUN(ranges_and_seeds_share_no_image),
                                    RUN(classes_are_balanced_and_in_range),
                                    RUN(mean_colours_do_not_tell_the_class),
                                    RUN(every_class_has_a_name),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
