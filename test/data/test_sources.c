/* Sources of every kind that the loader takes: images of any size, floats, several classes, tokens with classes by position, streams; and faults. */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/loader.h"
#include "data/resize.h"
#include "data/samples.h"
#include "data/world.h"
#include "test.h"

enum { TRAIN = 37, TESTED = 9, BATCH = 8 };

/* ---- a source whose samples are a rule of part and index */

typedef struct made {
    wn__sample_source source;
    wn__sample_spec spec;
    int64_t broken;                  /* sample that cannot be read; -1: none */
    _Atomic int64_t position, seeks; /* of a stream */
    _Atomic int readers, most;       /* at once */
} made;

static int64_t number_of(wn__part part, int64_t index) { return part == WN__PART_TEST ? 1000 + index : index; }

/* Sizes around the network's 6 x 5. */
static void size_of(int64_t number, int *height, int *width)
{
    *height = 4 + (int)(number % 5);
    *width = 3 + (int)(number % 4);
}

static uint8_t pixel_of(int64_t number, int c, int y, int x) { return (uint8_t)(1 + number % 50 + c * 50 + y * 7 + x); }

static wn_status make_pixels(const made *m, int64_t number, wn__scratch *scratch, wn__sample_input *input)
{
    int height, width;
    size_of(number, &height, &width);
    uint8_t *pixels = wn__scratch_take(scratch, (size_t)(m->spec.channels * height * width));
    if (!pixels) return wn__no_memory(1000);
    for (int i = 0; i < m->spec.channels * height * width; i++)
        pixels[i] = pixel_of(number, i / (height * width), i / width % height, i % width);
    *input = (wn__sample_input){pixels, height, width};
    return WN_OK;
}

static wn_status make_input(const made *m, int64_t number, wn__scratch *scratch, wn__sample_input *input)
{
    const int64_t elements = wn__sample_elements(&m->spec);
    if (m->spec.input == WN_INPUT_PIXELS) return make_pixels(m, number, scratch, input);
    float *x = wn__scratch_take(scratch, (size_t)elements * 4);
    if (!x) return wn__no_memory(1000);
    for (int64_t i = 0; i < elements; i++) {
        if (m->spec.input == WN_INPUT_TOKENS)
            ((int32_t *)(void *)x)[i] = (int32_t)(number * elements + i); /* one text, cut into windows */
        else
            x[i] = (float)number + (float)i / 100;
    }
    *input = (wn__sample_input){x, m->spec.height, m->spec.width};
    return WN_OK;
}

static void make_target(const made *m, int64_t number, void *target)
{
    int32_t *class = target;
    float *value = target;
    for (int64_t i = 0; i < wn__sample_target_width(&m->spec); i++) {
        if (m->spec.target == WN_TARGET_CLASS)
            class[i] = (int32_t)(number % m->spec.classes);
        else if (m->spec.target == WN_TARGET_POSITIONS)
            class[i] = (int32_t)((number * m->spec.positions + i + 1) % m->spec.classes);
        else
            value[i] = m->spec.target == WN_TARGET_VALUES ? (float)(number - i) : (float)((number >> i) & 1);
    }
}

static wn_status read_made(wn__sample_source *source, wn__part part, int64_t index, wn__scratch *scratch, wn__sample_input *input,
                           void *target)
{
    made *m = (made *)source;
    const int now = ++m->readers;
    for (int most = m->most; now > most && !atomic_compare_exchange_weak(&m->most, &most, now);) {
    }
    if (m->source.in_order) {
        m->seeks += index != m->position;
        m->position = index + 1;
    }
    wn_status status = index == m->broken ? wn__fail(WN_EFORMAT, "picture-%d.jpg is truncated", (int)index) : WN_OK;
    if (status == WN_OK && input) status = make_input(m, number_of(part, index), scratch, input);
    if (status == WN_OK) make_target(m, number_of(part, index), target);
    m->readers--;
    return status;
}

static void close_made(wn__sample_source *source) { wn__free(source); }

static const wn__dataset_type made_type = {.name = "made"};

static wn__dataset make_set(wn__sample_spec spec)
{
    made *m = WN_NEW(made);
    CHECK(m != NULL);
    CHECK_OK(wn__sample_spec_check(&spec));
    m->source = (wn__sample_source){.train_count = TRAIN, .test_count = TESTED, .read = read_made, .close = close_made};
    m->spec = spec;
    m->broken = -1;
    return (wn__dataset){.type = &made_type, .facts = {.sample = spec, .train_count = TRAIN, .test_count = TESTED}, .source = &m->source};
}

static const wn__sample_spec
    pictures = {.input = WN_INPUT_PIXELS, .channels = 3, .height = 6, .width = 5, .classes = 3},
    numbers = {.input = WN_INPUT_FLOATS, .channels = 4, .height = 1, .width = 7, .target = WN_TARGET_VALUES, .classes = 2},
    several = {.input = WN_INPUT_FLOATS, .channels = 12, .height = 1, .width = 1, .target = WN_TARGET_CLASSES, .classes = 5},
    text = {.input = WN_INPUT_TOKENS,
            .channels = 1,
            .height = 1,
            .width = 6,
            .vocabulary = 500,
            .target = WN_TARGET_POSITIONS,
            .classes = 500,
            .positions = 6};

static wn__loader_options options_for(const wn__dataset *data, int threads)
{
    wn__loader_options o = {.data = data, .batch = BATCH, .seed = 5, .order = WN__SAMPLES_SHUFFLED, .threads = threads};
    CHECK_OK(wn__split_make(&data->facts, "last-5", 0, &o.split)); /* 32 stay */
    CHECK_OK(wn__normalize_find(data->facts.sample.input == WN_INPUT_PIXELS ? "none" : "dataset", data, &o.normalize));
    return o;
}

/* ---- what batches hold */

static void check_picture(const float *x, int64_t number)
{
    wn__pixels in = {0}, out = {0};
    wn__resizer resizer = {0};
    int height, width;
    size_of(number, &height, &width);
    CHECK_OK(wn__pixels_make(&in, 3, height, width));
    for (int i = 0; i < 3 * height * width; i++)
        in.data[i] = pixel_of(number, i / (height * width), i / width % height, i % width);
    const bool high = width * 6 >= height * 5;
    const wn__resize_options size = {high ? 6 : height * 5 / width, high ? width * 6 / height : 5, WN__FILTER_BILINEAR, false};
    CHECK_OK(wn__resize(&resizer, &in, wn__crop_all(&in), &size, &out));
    const int top = (int)nearbyint((size.height - 6) / 2.0), left = (int)nearbyint((size.width - 5) / 2.0);
    for (int i = 0; i < 90; i++)
        CHECK(x[i] == (float)out.data[(i / 30 * size.height + i / 5 % 6 + top) * size.width + i % 5 + left] / 255.0f);
    wn__pixels_release(&in);
    wn__pixels_release(&out);
    wn__resizer_release(&resizer);
}

static void check_input(const wn__batch *b, const made *m, int64_t i)
{
    const int64_t number = number_of(WN__PART_TRAIN, b->samples[i]), elements = wn__sample_elements(&m->spec);
    CHECK((b->input == NULL) == (m->spec.input == WN_INPUT_TOKENS) && (b->tokens == NULL) == (b->input != NULL));
    if (m->spec.input == WN_INPUT_PIXELS) return check_picture(b->input + i * elements, number);
    for (int64_t k = 0; k < elements; k++) {
        if (b->tokens)
            CHECK_EQ_INT(b->tokens[i * elements + k], number * elements + k);
        else
            CHECK(b->input[i * elements + k] == (float)number + (float)k / 100);
    }
}

static void check_batch(const wn__batch *b, const made *m)
{
    const int64_t width = wn__sample_target_width(&m->spec);
    int32_t want[16];
    CHECK(b->targets.kind == m->spec.target && b->targets.width == width && width <= 16);
    for (int64_t i = 0; i < b->n; i++) {
        check_input(b, m, i);
        make_target(m, b->samples[i], want);
        CHECK(memcmp(wn__targets_at(&b->targets, i), want, (size_t)width * 4) == 0);
    }
}

static void check_epochs(const wn__dataset *data, const wn__loader_options *o)
{
    wn__loader *l;
    CHECK_OK(wn__loader_new(o, &l));
    for (int epoch = 0; epoch < 3; epoch++) {
        bool seen[TRAIN] = {false};
        for (int64_t k = 0; k < wn__loader_batches(l); k++) {
            const wn__batch *b;
            CHECK_OK(wn__loader_next(l, &b));
            check_batch(b, (const made *)data->source);
            for (int64_t i = 0; i < b->n; i++) {
                CHECK(!seen[b->samples[i]] && b->samples[i] < 32);
                seen[b->samples[i]] = true;
            }
        }
        for (int i = 0; i < 32; i++)
            CHECK(seen[i]);
    }
    wn__loader_free(l);
}

static void check_kind(wn__sample_spec spec)
{
    wn__dataset data = make_set(spec);
    for (int threads = 0; threads <= 3; threads++) {
        const wn__loader_options o = options_for(&data, threads);
        check_epochs(&data, &o);
    }
    wn__dataset_release(&data);
}

TEST(images_of_any_size_are_made_to_fit) { check_kind(pictures); }
TEST(floats_come_as_they_are_with_values) { check_kind(numbers); }
TEST(samples_may_be_of_several_classes) { check_kind(several); }
TEST(windows_of_text_have_a_class_at_each_position) { check_kind(text); }

/* ---- orders */

/* Row r reads on from batch to batch. */
TEST(parallel_streams_go_on_where_they_ended)
{
    wn__dataset data = make_set(text);
    wn__loader_options o = options_for(&data, 2);
    CHECK_OK(wn__split_make(&data.facts, "none", 0, &o.split));
    o.order = WN__SAMPLES_IN_STREAMS;
    wn__loader *l;
    CHECK_OK(wn__loader_new(&o, &l));
    CHECK(wn__loader_batches(l) == TRAIN / BATCH && wn__loader_samples(l) == TRAIN / BATCH * BATCH);
    for (int k = 0; k < 10; k++) {
        const wn__batch *b;
        CHECK_OK(wn__loader_next(l, &b));
        CHECK(b->n == BATCH && b->continues == (k % 4 != 0));
        for (int64_t row = 0; row < BATCH; row++)
            CHECK_EQ_INT(b->tokens[row * 6], (row * 4 + k % 4) * 6);
    }
    wn__loader_free(l);
    wn__dataset_release(&data);
}

/* One thread, in the source's order, whatever was asked for. */
TEST(a_source_that_reads_on_is_read_in_its_order)
{
    wn__dataset data = make_set(numbers);
    made *m = (made *)data.source;
    m->source.in_order = true;
    const wn__loader_options o = options_for(&data, 4);
    check_epochs(&data, &o);
    CHECK(m->most == 1 && m->seeks <= 3); /* one at the end of each epoch, read ahead */
    wn__dataset_release(&data);
}

/* ---- faults */

TEST(a_sample_that_cannot_be_read_is_told)
{
    for (int threads = 0; threads <= 2; threads++) {
        wn__dataset data = make_set(pictures);
        wn__loader_options o = options_for(&data, threads);
        ((made *)data.source)->broken = 21;
        o.order = WN__SAMPLES_IN_ORDER;
        wn__loader *l;
        const wn__batch *b;
        CHECK_OK(wn__loader_new(&o, &l));
        CHECK_OK(wn__loader_next(l, &b));
        CHECK_OK(wn__loader_next(l, &b));
        CHECK_STATUS(wn__loader_next(l, &b), WN_EFORMAT);
        CHECK_EQ_TEXT(wn_error_message(), "picture-21.jpg is truncated");
        CHECK_OK(wn__loader_next(l, &b));
        wn__loader_free(l);
        wn__dataset_release(&data);
    }
}

static atomic_bool held; /* reads wait while it is set */

static wn_status read_slowly(wn__sample_source *source, wn__part part, int64_t index, wn__scratch *scratch, wn__sample_input *input,
                             void *target)
{
    while (held)
        usleep(1000);
    return read_made(source, part, index, scratch, input, target);
}

static void *stop_soon(void *unused)
{
    usleep(30000);
    wn_request_stop();
    return unused;
}

TEST(a_stop_request_ends_waiting)
{
    wn__dataset data = make_set(numbers);
    const wn__loader_options o = options_for(&data, 1);
    wn__loader *l;
    const wn__batch *b;
    pthread_t stopper;
    data.source->read = read_slowly;
    held = true;
    CHECK_OK(wn__loader_new(&o, &l));
    CHECK(pthread_create(&stopper, NULL, stop_soon, NULL) == 0);
    CHECK_STATUS(wn__loader_next(l, &b), WN_ESTOPPED);
    CHECK_EQ_TEXT(wn_error_message(), "stopped while waiting for samples of made");
    pthread_join(stopper, NULL);
    held = false;
    wn__loader_free(l);
    wn__dataset_release(&data);
}

TEST(what_is_of_pixels_or_of_classes_is_refused_for_others)
{
    wn__dataset data = make_set(several);
    wn__loader_options o = options_for(&data, 0);
    wn__loader *l;
    wn__normalize n;
    CHECK_STATUS(wn__normalize_find("imagenet", &data, &n), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "'imagenet' is of pixels; the inputs of made are taken as they are");
    o.augment.flip = true;
    CHECK_STATUS(wn__loader_new(&o, &l), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "augmentation is of pixels");
    CHECK_STATUS(wn__dataset_add_noise(&data, 0.1), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "data.label_noise is for samples of one class each; these have targets of kind \"classes\"");
    wn__dataset_release(&data);
}

TEST(impossible_samples_are_refused)
{
    const wn__sample_spec wrong[] = {{.channels = 2, .height = 1, .width = 1, .classes = 2},
                                     {.channels = 3, .height = 0, .width = 1, .classes = 2},
                                     {.channels = 3, .height = 70000, .width = 70000, .classes = 2},
                                     {.channels = 3, .height = 1, .width = 1, .classes = 1},
                                     {.input = WN_INPUT_TOKENS, .channels = 1, .height = 1, .width = 4, .classes = 2},
                                     {.channels = 1, .height = 1, .width = 1, .target = WN_TARGET_POSITIONS, .classes = 2}};
    for (int i = 0; i < 6; i++)
        CHECK_STATUS(wn__sample_spec_check(&wrong[i]), WN_EINVAL);
}

/* ---- a few samples, and noise */

TEST(samples_without_classes_are_drawn_from_all)
{
    wn__dataset data = make_set(numbers);
    const wn__loader_options o = options_for(&data, 0);
    wn__samples a, b;
    CHECK_OK(wn__samples_draw(&data, o.split.train, &o.normalize, 4, 1, &a));
    CHECK_OK(wn__samples_draw(&data, o.split.train, &o.normalize, 4, 2, &b));
    CHECK(a.n == 8 && memcmp(a.index, b.index, 8 * sizeof *a.index) != 0);
    for (int i = 0; i < 8; i++) {
        CHECK(a.index[i] < 32 && (i == 0 || a.index[i] > a.index[i - 1]));
        CHECK(a.images[i * 28 + 27] == (float)a.index[i] + 0.27f && a.targets.values[i * 2 + 1] == (float)(a.index[i] - 1));
    }
    wn__samples_release(&a);
    wn__samples_release(&b);
    CHECK_STATUS(wn__samples_draw(&data, o.split.train, &o.normalize, 17, 1, &a), WN_EUSAGE);
    CHECK_EQ_TEXT(wn_error_message(), "34 samples are asked for, but there are 32");
    wn__dataset_release(&data);
}

TEST(noise_is_read_with_the_label)
{
    wn__dataset data = make_set(pictures);
    wn__scratch scratch = {0};
    int32_t label;
    int wrong = 0;
    CHECK_OK(wn__dataset_add_noise(&data, 0.5));
    for (int i = 0; i < TRAIN; i++) {
        CHECK_OK(wn__source_read(data.source, "made", WN__PART_VALIDATION, i, &scratch, NULL, &label));
        CHECK_EQ_INT(label, wn__noisy_label(0.5, WN__PART_TRAIN, i, i % 3, 3));
        wrong += label != i % 3;
    }
    CHECK(wrong > 8 && wrong < 30);
    wn__scratch_release(&scratch);
    wn__dataset_release(&data);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(images_of_any_size_are_made_to_fit),
                                    RUN(floats_come_as_they_are_with_values),
                                    RUN(samples_may_be_of_several_classes),
                                    RUN(windows_of_text_have_a_class_at_each_position),
                                    RUN(parallel_streams_go_on_where_they_ended),
                                    RUN(a_source_that_reads_on_is_read_in_its_order),
                                    RUN(a_sample_that_cannot_be_read_is_told),
                                    RUN(a_stop_request_ends_waiting),
                                    RUN(what_is_of_pixels_or_of_classes_is_refused_for_others),
                                    RUN(impossible_samples_are_refused),
                                    RUN(samples_without_classes_are_drawn_from_all),
                                    RUN(noise_is_read_with_the_label),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
