#include "base/alloc.h"
#include "base/rng.h"
#include "data/loader.h"
#include "data/samples.h"
#include "tiny_data.h"

enum { CHANNELS = 3, HEIGHT = 6, WIDTH = 5, IMAGE = CHANNELS * HEIGHT * WIDTH, TRAIN = 53, TEST_COUNT = 7 };

/* A small set whose pixels tell which image and place they are from. */
static wn__dataset tiny_set(void)
{
    static uint8_t train_pixels[TRAIN * IMAGE], test_pixels[TEST_COUNT * IMAGE];
    static int32_t train_labels[TRAIN], test_labels[TEST_COUNT];
    static const wn__dataset_type type = {.name = "tiny",
                                          .facts.sample = {.channels = CHANNELS, .height = HEIGHT, .width = WIDTH, .classes = 10}};
    for (int i = 0; i < TRAIN * IMAGE; i++)
        train_pixels[i] = (uint8_t)(i / IMAGE * 4 + i % IMAGE);
    for (int i = 0; i < TEST_COUNT * IMAGE; i++)
        test_pixels[i] = (uint8_t)(255 - i % 256);
    for (int i = 0; i < TRAIN; i++)
        train_labels[i] = i % 10;
    for (int i = 0; i < TEST_COUNT; i++)
        test_labels[i] = 9 - i;
    static wn__dataset data;
    if (!data.source)
        data = tiny_dataset(&type, (wn__memory_part){TRAIN, train_pixels, train_labels},
                            (wn__memory_part){TEST_COUNT, test_pixels, test_labels});
    return data;
}

static wn__loader_options options_for(const wn__dataset *data, int threads)
{
    wn__loader_options o = {
        .data = data, .batch = 8, .seed = 5, .order = WN__SAMPLES_SHUFFLED, .threads = threads, .augment = {.pad = 2, .flip = true}};
    CHECK_OK(wn__split_make(&data->facts, "last-13", 0, &o.split)); /* 40 stay */
    CHECK_OK(wn__normalize_find("signed", data, &o.normalize));
    return o;
}

/* A running checksum over all that `count` batches hold. */
static uint64_t digest_batches(wn__loader *l, int count)
{
    uint64_t sum = 0;
    for (int k = 0; k < count; k++) {
        const wn__batch *b = NULL;
        CHECK_OK(wn__loader_next(l, &b));
        for (int64_t i = 0; i < b->n; i++) {
            sum = sum * 1000003 + (uint64_t)b->samples[i] * 17 + (uint64_t)b->targets.classes[i];
            for (int p = 0; p < IMAGE; p++) {
                uint32_t bits;
                memcpy(&bits, &b->input[i * IMAGE + p], sizeof(bits));
                sum = sum * 1000003 + bits;
            }
        }
        sum = sum * 31 + (uint64_t)(b->epoch * 100 + b->index);
    }
    return sum;
}

TEST(same_bytes_for_any_number_of_threads)
{
    const wn__dataset data = tiny_set();
    uint64_t want = 0;
    for (int threads = 0; threads <= 4; threads++) {
        const wn__loader_options o = options_for(&data, threads);
        wn__loader *l;
        CHECK_OK(wn__loader_new(&o, &l));
        const uint64_t got = digest_batches(l, 23);
        wn__loader_free(l);
        if (threads == 0) want = got;
        CHECK(got == want);
    }
}

TEST(seek_continues_as_if_never_stopped)
{
    const wn__dataset data = tiny_set();
    for (int threads = 0; threads <= 2; threads++) {
        const wn__loader_options o = options_for(&data, threads);
        wn__loader *l;
        CHECK_OK(wn__loader_new(&o, &l));
        digest_batches(l, 12); /* 5 batches an epoch */
        const uint64_t want = digest_batches(l, 9);
        CHECK_OK(wn__loader_seek(l, 2, 2));
        CHECK(digest_batches(l, 9) == want);
        CHECK_OK(wn__loader_seek(l, 1, 5)); /* the end of epoch 1 */
        digest_batches(l, 2);
        CHECK(digest_batches(l, 9) == want);
        CHECK_STATUS(wn__loader_seek(l, 0, 6), WN_EINVAL);
        CHECK_STATUS(wn__loader_seek(l, -1, 0), WN_EINVAL);
        wn__loader_free(l);
    }
}

TEST(an_epoch_holds_each_sample_once)
{
    const wn__dataset data = tiny_set();
    const wn__loader_options o = options_for(&data, 2);
    wn__loader *l;
    CHECK_OK(wn__loader_new(&o, &l));
    bool orders_differ = false;
    int64_t first_order[40];
    for (int epoch = 0; epoch < 2; epoch++) {
        int seen[TRAIN] = {0}, at = 0;
        for (int k = 0; k < wn__loader_batches(l); k++) {
            const wn__batch *b = NULL;
            CHECK_OK(wn__loader_next(l, &b));
            CHECK_EQ_INT(b->epoch, epoch);
            CHECK_EQ_INT(b->index, k);
            for (int64_t i = 0; i < b->n; i++, at++) {
                seen[b->samples[i]]++;
                CHECK_EQ_INT(b->targets.classes[i], b->samples[i] % 10);
                if (epoch == 0)
                    first_order[at] = b->samples[i];
                else
                    orders_differ |= first_order[at] != b->samples[i];
            }
        }
        for (int i = 0; i < TRAIN; i++)
            CHECK_EQ_INT(seen[i], i < 40);
    }
    CHECK(orders_differ);
    wn__loader_free(l);
}

TEST(last_batch_is_kept_dropped_or_wrapped)
{
    const wn__dataset data = tiny_set();
    static const struct {
        wn__last_batch mode;
        int64_t batches, samples, last;
    } cases[] = {{WN__LAST_KEEP, 4, 40, 4}, {WN__LAST_DROP, 3, 36, 12}, {WN__LAST_WRAP, 4, 48, 12}};
    for (int c = 0; c < 3; c++) {
        wn__loader_options o = options_for(&data, 1);
        o.batch = 12;
        o.last_batch = cases[c].mode;
        wn__loader *l;
        CHECK_OK(wn__loader_new(&o, &l));
        CHECK_EQ_INT(wn__loader_batches(l), cases[c].batches);
        CHECK_EQ_INT(wn__loader_samples(l), cases[c].samples);
        const wn__batch *b = NULL;
        int64_t first[8] = {0};
        for (int64_t k = 0; k < cases[c].batches; k++) {
            CHECK_OK(wn__loader_next(l, &b));
            if (k == 0) memcpy(first, b->samples, sizeof(first));
        }
        CHECK_EQ_INT(b->n, cases[c].last);
        if (cases[c].mode == WN__LAST_WRAP) CHECK(memcmp(b->samples + 4, first, sizeof(first)) == 0);
        wn__loader_free(l);
    }
}

TEST(test_part_comes_in_order_and_unchanged)
{
    const wn__dataset data = tiny_set();
    wn__loader_options o = options_for(&data, 1);
    o.part = WN__PART_TEST;
    o.order = WN__SAMPLES_IN_ORDER;
    o.augment = (wn__augment){0};
    CHECK_OK(wn__normalize_find("none", &data, &o.normalize));
    wn__loader *l;
    CHECK_OK(wn__loader_new(&o, &l));
    const wn__batch *b = NULL;
    CHECK_OK(wn__loader_next(l, &b));
    CHECK_EQ_INT(b->n, TEST_COUNT);
    for (int i = 0; i < TEST_COUNT; i++) {
        CHECK_EQ_INT(b->samples[i], i);
        CHECK_EQ_INT(b->targets.classes[i], 9 - i);
    }
    for (int i = 0; i < TEST_COUNT * IMAGE; i++)
        CHECK(b->input[i] == (float)tiny_pixels(&data, WN__PART_TEST, 0, NULL)[i] / 255.0f);
    wn__loader_free(l);
}

TEST(handing_out_batches_allocates_nothing)
{
    const wn__dataset data = tiny_set();
    const wn__loader_options o = options_for(&data, 2);
    wn__loader *l;
    CHECK_OK(wn__loader_new(&o, &l));
    const int64_t before = wn__alloc_statistics().calls;
    digest_batches(l, 30);
    CHECK_OK(wn__loader_seek(l, 1, 1));
    digest_batches(l, 3);
    CHECK_EQ_INT(wn__alloc_statistics().calls, before);
    wn__loader_free(l);
}

TEST(loader_can_be_freed_at_any_moment)
{
    const wn__dataset data = tiny_set();
    for (int taken = 0; taken < 12; taken++) {
        const wn__loader_options o = options_for(&data, 1 + taken % 4);
        wn__loader *l;
        CHECK_OK(wn__loader_new(&o, &l));
        digest_batches(l, taken);
        wn__loader_free(l);
    }
}

TEST(impossible_loaders_are_refused)
{
    const wn__dataset data = tiny_set();
    wn__loader *l;
    wn__loader_options o = options_for(&data, 1);
    o.last_batch = WN__LAST_DROP;
    o.batch = 41;
    CHECK_STATUS(wn__loader_new(&o, &l), WN_EINVAL);
    o = options_for(&data, 1);
    o.batch = 0;
    CHECK_STATUS(wn__loader_new(&o, &l), WN_EINVAL);
    o = options_for(&data, 9);
    CHECK_STATUS(wn__loader_new(&o, &l), WN_EINVAL);
    o = options_for(&data, 1);
    o.augment = (wn__augment){.pad = 5, .reflect = true};
    CHECK_STATUS(wn__loader_new(&o, &l), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "pad-crop-5-reflect");
    o = options_for(&data, 1);
    CHECK_OK(wn__split_make(&data.facts, "none", 0, &o.split));
    o.part = WN__PART_VALIDATION;
    CHECK_STATUS(wn__loader_new(&o, &l), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "validation part of tiny is empty");
}

TEST(running_out_of_memory_is_reported)
{
    const wn__dataset data = tiny_set();
    const wn__loader_options o = options_for(&data, 2);
    for (int n = 1;; n++) {
        wn__loader *l = NULL;
        wn__alloc_fail_at(n);
        const wn_status status = wn__loader_new(&o, &l);
        wn__alloc_fail_at(0);
        wn__loader_free(l);
        if (status == WN_OK) break;
        CHECK_EQ_INT(status, WN_ENOMEM);
        CHECK(n < 200);
    }
}

/* ---- augmentation */

TEST(crops_are_shifts_with_zeros_or_mirror_images)
{
    uint8_t in[HEIGHT * WIDTH], out[HEIGHT * WIDTH];
    for (int i = 0; i < HEIGHT * WIDTH; i++)
        in[i] = (uint8_t)(i + 1);
    for (int reflect = 0; reflect < 2; reflect++) {
        int seen[5][5] = {0};
        for (int sample = 0; sample < 600; sample++) {
            const wn__augment a = {.pad = 2, .reflect = reflect};
            wn__augment_image(&a, 1, 0, sample, 1, HEIGHT, WIDTH, in, out);
            const int center = out[3 * WIDTH + 2] - 1, down = center / WIDTH - 3, right = center % WIDTH - 2; /* (3,2) stays inside */
            CHECK(abs(down) <= 2 && abs(right) <= 2);
            seen[down + 2][right + 2]++;
            for (int y = 0; y < HEIGHT; y++) {
                for (int x = 0; x < WIDTH; x++) {
                    int fy = y + down, fx = x + right, want = 0;
                    if (reflect) {
                        fy = fy < 0 ? -fy : fy >= HEIGHT ? 2 * HEIGHT - 2 - fy : fy;
                        fx = fx < 0 ? -fx : fx >= WIDTH ? 2 * WIDTH - 2 - fx : fx;
                    }
                    if (fy >= 0 && fy < HEIGHT && fx >= 0 && fx < WIDTH) want = in[fy * WIDTH + fx];
                    CHECK_EQ_INT(out[y * WIDTH + x], want);
                }
            }
        }
        for (int i = 0; i < 25; i++)
            CHECK(seen[i / 5][i % 5] >= 8); /* 24 expected */
    }
}

TEST(flips_mirror_about_half_of_the_images)
{
    uint8_t in[IMAGE], out[IMAGE];
    for (int i = 0; i < IMAGE; i++)
        in[i] = (uint8_t)i;
    const wn__augment a = {.flip = true};
    int flipped = 0;
    for (int sample = 0; sample < 1000; sample++) {
        wn__augment_image(&a, 1, 3, sample, CHANNELS, HEIGHT, WIDTH, in, out);
        const bool mirror = out[0] != 0;
        flipped += mirror;
        for (int i = 0; i < IMAGE; i++)
            CHECK_EQ_INT(out[i], mirror ? i / WIDTH * WIDTH + WIDTH - 1 - i % WIDTH : i);
    }
    CHECK(flipped > 430 && flipped < 570);
}

TEST(flip_does_not_depend_on_the_crop)
{
    uint8_t in[WIDTH] = {1, 2, 3, 4, 5}, plain[WIDTH], cropped[HEIGHT * WIDTH], image[HEIGHT * WIDTH];
    for (int i = 0; i < HEIGHT * WIDTH; i++)
        image[i] = (uint8_t)(100 + i % WIDTH);
    const wn__augment flip = {.flip = true}, both = {.pad = 1, .reflect = true, .flip = true};
    for (int sample = 0; sample < 100; sample++) {
        wn__augment_image(&flip, 1, 0, sample, 1, 1, WIDTH, in, plain);
        wn__augment_image(&both, 1, 0, sample, 1, HEIGHT, WIDTH, image, cropped);
        const bool mirrored = cropped[1] > cropped[2] && cropped[2] > cropped[3];
        CHECK_EQ_INT(mirrored, plain[0] == 5);
    }
}

TEST(augmentation_names_are_read)
{
    wn__augment a = {0};
    CHECK(wn__augment_is_none(&a));
    CHECK_OK(wn__augment_add(&a, "none"));
    CHECK_OK(wn__augment_add(&a, "pad-crop-4"));
    CHECK(a.pad == 4 && !a.reflect && !a.flip);
    CHECK_OK(wn__augment_add(&a, "flip"));
    CHECK_OK(wn__augment_add(&a, "pad-crop-2-reflect"));
    CHECK(a.pad == 2 && a.reflect && a.flip);
    static const char *const wrong[] = {"pad-crop-", "pad-crop-0", "pad-crop-x", "pad-crop-4-mirror", "flop", ""};
    for (int i = 0; i < 6; i++) {
        CHECK_STATUS(wn__augment_add(&a, wrong[i]), WN_EUSAGE);
        CHECK_HAS_TEXT(wn_error_message(), "pad-crop-P");
    }
}

TEST(samples_are_drawn_evenly_from_all_classes)
{
    const wn__dataset data = tiny_set();
    const wn__loader_options o = options_for(&data, 0);
    wn__samples a, b, other;
    CHECK_OK(wn__samples_draw(&data, o.split.train, &o.normalize, 3, 1, &a));
    CHECK_OK(wn__samples_draw(&data, o.split.train, &o.normalize, 3, 1, &b));
    CHECK_OK(wn__samples_draw(&data, o.split.train, &o.normalize, 3, 2, &other));
    CHECK_EQ_INT(a.n, 30);
    float image[IMAGE];
    for (int64_t i = 0; i < a.n; i++) {
        CHECK_EQ_INT(a.targets.classes[i], i % 10);
        int32_t label;
        CHECK(a.index[i] >= 0 && a.index[i] < 40);
        const uint8_t *pixels = tiny_pixels(&data, WN__PART_TRAIN, a.index[i], &label);
        CHECK_EQ_INT(label, i % 10);
        for (int64_t j = 0; j < i; j++)
            CHECK(a.index[i] != a.index[j]);
        wn__normalize_image(&o.normalize, CHANNELS, HEIGHT * WIDTH, pixels, image);
        CHECK(memcmp(image, a.images + i * IMAGE, sizeof image) == 0);
    }
    CHECK(memcmp(a.index, b.index, 30 * sizeof *a.index) == 0);
    CHECK(memcmp(a.index, other.index, 30 * sizeof *a.index) != 0);
    wn__samples_release(&a);
    wn__samples_release(&b);
    wn__samples_release(&other);
    CHECK_STATUS(wn__samples_draw(&data, o.split.train, &o.normalize, 5, 1, &a), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "of class 0 there are 4");
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(same_bytes_for_any_number_of_threads),
                                    RUN(seek_continues_as_if_never_stopped),
                                    RUN(an_epoch_holds_each_sample_once),
                                    RUN(last_batch_is_kept_dropped_or_wrapped),
                                    RUN(test_part_comes_in_order_and_unchanged),
                                    RUN(handing_out_batches_allocates_nothing),
                                    RUN(loader_can_be_freed_at_any_moment),
                                    RUN(impossible_loaders_are_refused),
                                    RUN(running_out_of_memory_is_reported),
                                    RUN(crops_are_shifts_with_zeros_or_mirror_images),
                                    RUN(flips_mirror_about_half_of_the_images),
                                    RUN(flip_does_not_depend_on_the_crop),
                                    RUN(augmentation_names_are_read),
                                    RUN(samples_are_drawn_evenly_from_all_classes),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
