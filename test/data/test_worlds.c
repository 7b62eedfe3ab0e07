/* Real and ideal world: which samples training sees, npz parts of a set on disk, stages of worlds, continuing. */
#include "data/world.h"

#include <inttypes.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "data/catalog.h"
#include "data/contents.h"
#include "data/loader.h"
#include "io/npz.h"
#include "nn/loss.h"
#include "plan/agenda.h"
#include "scratch_folder.h"
#include "tiny_data.h"
#include "train/trainer.h"
#include "winnow/data.h"
#include "winnow/experiment.h"

#ifdef WN_HAVE_ZIP
#include <zip.h>
#endif

/* ---- worlds of drawn shapes */

enum { N = 40, BATCH = 16, STEPS_PER_EPOCH = 3, IMAGE = 3072 };

typedef struct loaded {
    wn__dataset data;
    wn__split split;
    wn__range third;
} loaded;

static loaded load_world(const char *set, const void *config, const char *folder, const wn__world_request *request)
{
    const wn__dataset_type *type = NULL;
    loaded w;
    CHECK_OK(wn__dataset_find(set, &type));
    CHECK_OK(wn__world_load(type, config, folder, NULL, request, &w.data, &w.split, &w.third));
    return w;
}

static wn__loader_options loader_for(const loaded *w, bool ideal, int threads)
{
    wn__loader_options o = {.data = &w->data,
                            .part = WN__PART_TRAIN,
                            .split = w->split,
                            .batch = BATCH,
                            .seed = 3,
                            .order = WN__SAMPLES_SHUFFLED,
                            .ideal = ideal,
                            .augment = {.pad = 2, .flip = true},
                            .threads = threads};
    CHECK_OK(wn__normalize_find("none", &w->data, &o.normalize));
    return o;
}

static const void *shapes_config(void)
{
    static int64_t config[3]; /* train, test, seed */
    const wn__dataset_type *type = NULL;
    CHECK_OK(wn__dataset_find("shapes", &type));
    CHECK(type->config_size == sizeof config);
    CHECK_OK(wn__settings_defaults(type->settings, config));
    CHECK_OK(wn__settings_set(type->settings, config, "test", "30"));
    return config;
}

static loaded shapes_world(bool third)
{
    return load_world("shapes", shapes_config(), NULL, &(wn__world_request){.n = N, .third = third, .validation = "last-10"});
}

static uint64_t digest(const void *bytes, size_t size)
{
    uint64_t sum = 14695981039346656037u;
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ ((const uint8_t *)bytes)[i]) * 1099511628211u;
    return sum;
}

/* Samples and what was made of them, in the order in which training sees them. */
typedef struct seen {
    int64_t count, sample[1000];
    uint64_t image[1000];
    int32_t label[1000];
} seen;

static seen look(const wn__loader_options *o, int steps)
{
    seen s = {0};
    wn__loader *l = NULL;
    CHECK_OK(wn__loader_new(o, &l));
    for (int k = 0; k < steps; k++) {
        const wn__batch *b = NULL;
        CHECK_OK(wn__loader_next(l, &b));
        for (int64_t i = 0; i < b->n; i++, s.count++) {
            s.sample[s.count] = b->samples[i];
            s.label[s.count] = b->targets.classes[i];
            s.image[s.count] = digest(b->input + i * IMAGE, IMAGE * sizeof(float));
        }
    }
    wn__loader_free(l);
    return s;
}

static bool same(const seen *a, const seen *b, int64_t count)
{
    return memcmp(a->sample, b->sample, (size_t)count * 8) == 0 && memcmp(a->image, b->image, (size_t)count * 8) == 0 &&
           memcmp(a->label, b->label, (size_t)count * 4) == 0;
}

static void check_no_repeats(const seen *s)
{
    for (int64_t i = 0; i < s->count; i++)
        for (int64_t j = 0; j < i; j++)
            CHECK(s->sample[i] != s->sample[j] && s->image[i] != s->image[j]);
}

TEST(a_sample_never_comes_back_in_the_ideal_world)
{
    loaded w = shapes_world(false);
    wn__loader_options o = loader_for(&w, true, 0);
    o.augment = (wn__augment){0};
    const seen s = look(&o, 10 * STEPS_PER_EPOCH);
    CHECK_EQ_INT(s.count, 10 * N);
    check_no_repeats(&s);
    for (int64_t i = 0; i < s.count; i++)
        CHECK(s.sample[i] / N == i / N); /* epoch e has samples e n to (e + 1) n */
    wn__dataset_release(&w.data);
}

TEST(the_real_world_is_the_first_n_again_and_again)
{
    loaded w = shapes_world(false);
    wn__loader_options o = loader_for(&w, false, 0);
    o.augment = (wn__augment){0};
    const seen s = look(&o, 4 * STEPS_PER_EPOCH);
    int times[N] = {0};
    for (int64_t i = 0; i < s.count; i++) {
        CHECK(s.sample[i] >= 0 && s.sample[i] < N);
        times[s.sample[i]]++;
    }
    for (int i = 0; i < N; i++)
        CHECK_EQ_INT(times[i], 4);
    wn__dataset_release(&w.data);
}

TEST(both_worlds_begin_with_the_same_epoch)
{
    loaded w = shapes_world(false);
    const wn__loader_options real = loader_for(&w, false, 0), ideal = loader_for(&w, true, 0);
    const seen a = look(&real, 2 * STEPS_PER_EPOCH), b = look(&ideal, 2 * STEPS_PER_EPOCH);
    CHECK(same(&a, &b, N));
    CHECK(a.sample[N] < N && b.sample[N] >= N);
    wn__dataset_release(&w.data);
}

TEST(threads_and_seeking_change_nothing)
{
    loaded w = shapes_world(false);
    wn__loader_options o = loader_for(&w, true, 0);
    const seen want = look(&o, 20);
    for (o.threads = 1; o.threads <= 3; o.threads++) {
        const seen got = look(&o, 20);
        CHECK(got.count == want.count && same(&got, &want, want.count));
    }
    o.threads = 2;
    wn__loader *l = NULL;
    const wn__batch *b = NULL;
    CHECK_OK(wn__loader_new(&o, &l));
    CHECK_OK(wn__loader_seek(l, 4, 1));
    CHECK_OK(wn__loader_next(l, &b));
    CHECK_EQ_INT(b->samples[0], want.sample[4 * N + BATCH]);
    CHECK(digest(b->input, IMAGE * sizeof(float)) == want.image[4 * N + BATCH]);
    wn__loader_free(l);
    wn__dataset_release(&w.data);
}

TEST(test_validation_and_third_sample_are_in_neither_world)
{
    loaded w = shapes_world(true);
    wn__loader_options o = loader_for(&w, true, 0);
    o.augment = (wn__augment){0};
    seen s = look(&o, 8 * STEPS_PER_EPOCH);
    CHECK(w.third.first == N && w.third.count == N && w.split.validation.count == 10 && w.data.source->test_count == 30);
    for (int part = 0; part < 3; part++) {
        o.ideal = false;
        o.part = part == 0 ? WN__PART_TEST : part == 1 ? WN__PART_VALIDATION : WN__PART_TRAIN;
        if (part == 2) o.split.train = w.third;
        const seen other = look(&o, 1);
        for (int64_t i = 0; i < other.count; i++)
            for (int64_t j = 0; j < s.count; j++)
                CHECK(other.image[i] != s.image[j]);
    }
    wn__dataset_release(&w.data);
}

TEST(an_ordinary_set_is_its_own_stream)
{
    static uint8_t pixels[100 * 4];
    static int32_t labels[100];
    static const wn__dataset_type type = {.name = "tiny", .facts.sample = {.channels = 1, .height = 2, .width = 2, .classes = 10}};
    wn__dataset data = tiny_dataset(&type, (wn__memory_part){100, pixels, labels}, (wn__memory_part){0});
    wn__loader_options o = {
        .data = &data, .batch = 7, .order = WN__SAMPLES_SHUFFLED, .ideal = true, .split = {.train = {10, 30}}, .last_batch = WN__LAST_DROP};
    CHECK_OK(wn__normalize_find("none", &data, &o.normalize));
    int times[100] = {0};
    wn__loader *l = NULL;
    const wn__batch *b = NULL;
    CHECK_OK(wn__loader_new(&o, &l));
    for (int k = 0; k < 12; k++) {
        CHECK_OK(wn__loader_next(l, &b));
        for (int64_t i = 0; i < b->n; i++)
            CHECK(++times[b->samples[i]] == 1 && b->samples[i] >= 10);
    }
    CHECK_STATUS(wn__loader_next(l, &b), WN_EINVAL); /* the fourth epoch would need images 100 to 129 */
    wn__loader_free(l);
    o.last_batch = WN__LAST_WRAP;
    CHECK_STATUS(wn__loader_new(&o, &l), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "wrap");
    wn__dataset_release(&data);
}

TEST(label_noise_is_of_the_sample_alone)
{
    int wrong = 0;
    for (int i = 0; i < 10000; i++) {
        const int32_t label = wn__noisy_label(0.2, WN__PART_TRAIN, i, i % 10, 10);
        CHECK(label >= 0 && label < 10 && label == wn__noisy_label(0.2, WN__PART_TRAIN, i, i % 10, 10));
        wrong += label != i % 10;
    }
    CHECK(wrong > 1850 && wrong < 2150);
    const wn__world_request noisy = {.n = N, .validation = "none", .label_noise = 0.5}, clean = {.n = N, .validation = "none"};
    loaded a = load_world("shapes", shapes_config(), NULL, &noisy), b = load_world("shapes", shapes_config(), NULL, &clean);
    const wn__loader_options real = loader_for(&a, false, 0), ideal = loader_for(&a, true, 0), plain = loader_for(&b, true, 0);
    const seen x = look(&real, STEPS_PER_EPOCH), y = look(&ideal, 6 * STEPS_PER_EPOCH), z = look(&plain, 6 * STEPS_PER_EPOCH);
    CHECK(same(&x, &y, N));
    int differ = 0;
    for (int64_t i = N; i < y.count; i++)
        differ += y.label[i] != z.label[i];
    CHECK(differ > 70 && differ < 130); /* of 200 */
    wn__dataset_release(&a.data);
    wn__dataset_release(&b.data);
}

/* ---- npz parts */

#ifdef WN_HAVE_ZIP

enum { PART = 50, PART_BYTES = PART * IMAGE };

static uint8_t pixel_of(int part, int64_t i, int64_t p) { return (uint8_t)(part * 31 + i * 7 + p * 3 + p / 97); }

static size_t npy(uint8_t *out, const char *descr, const char *shape, const void *data, size_t size)
{
    char header[256];
    const int length = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape);
    memcpy(out, "\x93NUMPY\x01\x00\x76\x00", 10);
    memset(out + 10, ' ', 118);
    memcpy(out + 10, header, (size_t)length);
    out[127] = '\n';
    memcpy(out + 128, data, size);
    return 128 + size;
}

static void add_member(zip_t *zip, const char *name, const uint8_t *bytes, size_t size, bool packed)
{
    zip_source_t *source = zip_source_buffer(zip, bytes, size, 0);
    CHECK(source != NULL);
    const zip_int64_t index = zip_file_add(zip, name, source, 0);
    CHECK(index >= 0 && zip_set_file_compression(zip, (zip_uint64_t)index, packed ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0) == 0);
}

typedef struct part_faults {
    int images, labels; /* 0: PART */
    int64_t label;      /* of image 3, if not 0 */
    const char *descr;  /* of X */
} part_faults;

static void write_part(const char *path, int part, bool packed, part_faults faults)
{
    static uint8_t x[PART_BYTES], x_file[PART_BYTES + 128], y_file[8 * PART + 128];
    static int64_t y[PART];
    char shape[64];
    const int images = faults.images ? faults.images : PART, labels = faults.labels ? faults.labels : PART;
    for (int64_t i = 0; i < PART; i++) {
        y[i] = (part + i) % 10;
        for (int64_t p = 0; p < IMAGE; p++)
            x[i * IMAGE + p] = pixel_of(part, i, p);
    }
    if (faults.label) y[3] = faults.label;
    snprintf(shape, sizeof shape, "(%d, 32, 32, 3)", images);
    const size_t x_size = npy(x_file, faults.descr ? faults.descr : "|u1", shape, x, (size_t)images * IMAGE);
    snprintf(shape, sizeof shape, "(%d,)", labels);
    const size_t y_size = npy(y_file, "<i8", shape, y, (size_t)labels * 8);
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, NULL);
    CHECK(zip != NULL);
    add_member(zip, "X.npy", x_file, x_size, packed);
    add_member(zip, "Y.npy", y_file, y_size, packed);
    CHECK(zip_close(zip) == 0);
}

static const char *parts_folder(const char *name, bool packed)
{
    const char *folder = scratch_path(name);
    char path[1024];
    snprintf(path, sizeof path, "%s/cifar5m", folder);
    CHECK_OK(wn__make_folders(path));
    for (int part = 0; part < 6; part++) {
        snprintf(path, sizeof path, "%s/cifar5m/part%d.npz", folder, part);
        write_part(path, part, packed, (part_faults){0});
    }
    return folder;
}

static const void *cifar5m_config(void)
{
    static const int64_t config[2] = {PART, 20}; /* part, test */
    return config;
}

static void check_image(const uint8_t *planes, int part, int64_t i)
{
    for (int64_t p = 0; p < IMAGE; p++)
        CHECK_EQ_INT(planes[p % 3 * 1024 + p / 3], pixel_of(part, i, p));
}

/* Nothing is published: contents are always a part of keys. */
static void check_changes_are_seen(const loaded *w, const char *folder)
{
    char key[WN__SHA256_TEXT], path[1024];
    CHECK_OK(wn__data_contents_key(w->data.type, &w->data.contents, key));
    CHECK_EQ_INT(strlen(key), 64);
    CHECK_OK(wn__data_check_unchanged(w->data.type, folder, &w->data.contents));
    snprintf(path, sizeof path, "%s/cifar5m/part3.npz", folder);
    write_part(path, 4, false, (part_faults){0});
    CHECK_STATUS(wn__data_check_unchanged(w->data.type, folder, &w->data.contents), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), "part3.npz: changed while it was in use");
}

static wn_status read_stream(const wn__dataset *data, int64_t at, wn__scratch *scratch, wn__sample_input *input, int32_t *label)
{
    return wn__source_read(data->stream, "stream", WN__PART_TRAIN, at, scratch, input, label);
}

TEST(npz_parts_are_one_stream)
{
    for (int packed = 0; packed < 2; packed++) {
        const char *folder = parts_folder(packed ? "packed" : "stored", packed);
        loaded w = load_world("cifar5m", cifar5m_config(), folder, &(wn__world_request){.n = 30, .validation = "last-10"});
        CHECK(w.data.source->train_count == 40 && w.data.source->test_count == 20 && w.split.validation.count == 10);
        check_image(tiny_pixels(&w.data, WN__PART_TRAIN, 29, NULL), 0, 29);
        check_image(tiny_pixels(&w.data, WN__PART_TRAIN, 39, NULL), 4, 49);
        int32_t label;
        check_image(tiny_pixels(&w.data, WN__PART_TEST, 19, &label), 5, 19);
        CHECK_EQ_INT(label, (5 + 19) % 10);
        wn__scratch scratch = {0};
        wn__sample_input input;
        static const int64_t ranges[][2] = {{0, 250}, {45, 10}, {240, 10}, {3, 1}, {99, 102}, {0, 1}};
        for (int k = 0; k < 6; k++) {
            for (int64_t at = ranges[k][0]; at < ranges[k][0] + ranges[k][1]; at++) {
                CHECK_OK(read_stream(&w.data, at, &scratch, &input, &label));
                check_image(input.data, (int)(at / PART), at % PART);
                CHECK_EQ_INT(label, (at / PART + at % PART) % 10);
            }
        }
        CHECK_STATUS(read_stream(&w.data, 250, &scratch, &input, &label), WN_EINVAL);
        wn__scratch_release(&scratch);
        check_changes_are_seen(&w, folder);
        wn__dataset_release(&w.data);
    }
}

TEST(npz_parts_feed_the_ideal_world)
{
    loaded w = load_world("cifar5m", cifar5m_config(), parts_folder("fed", true), &(wn__world_request){.n = N, .validation = "none"});
    wn__loader_options o = loader_for(&w, true, 0);
    o.augment = (wn__augment){0};
    const seen want = look(&o, 6 * STEPS_PER_EPOCH);
    for (int64_t i = N; i < want.count; i++) {
        CHECK_EQ_INT(want.sample[i], i);
        CHECK_EQ_INT(want.label[i], (i / PART + i % PART) % 10);
    }
    o.threads = 3;
    const seen got = look(&o, 6 * STEPS_PER_EPOCH);
    CHECK(same(&got, &want, want.count));
    wn__loader *l = NULL;
    const wn__batch *b = NULL;
    CHECK_OK(wn__loader_new(&o, &l));
    CHECK_OK(wn__loader_seek(l, 6, 0)); /* samples 240 to 279 of 250 */
    CHECK_STATUS(wn__loader_next(l, &b), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "there are 250");
    wn__loader_free(l);
    wn__dataset_release(&w.data);
}

/* The status of a world over a folder whose part 1 was spoilt; the message must have `part`. */
static void check_fault(const char *folder, wn_status want, const char *text)
{
    const wn__dataset_type *type = NULL;
    loaded w = {0};
    wn__scratch scratch = {0};
    wn__sample_input input;
    int32_t label;
    CHECK_OK(wn__dataset_find("cifar5m", &type));
    wn_status status = wn__world_load(type, cifar5m_config(), folder, NULL, &(wn__world_request){.n = N, .validation = "none"}, &w.data,
                                      &w.split, &w.third);
    for (int64_t i = 0; status == WN_OK && i < 100; i++)
        status = read_stream(&w.data, i, &scratch, &input, &label);
    wn__scratch_release(&scratch);
    CHECK_STATUS(status, want);
    CHECK_HAS_TEXT(wn_error_message(), "part1.npz");
    CHECK_HAS_TEXT(wn_error_message(), text);
    wn__dataset_release(&w.data);
}

TEST(missing_and_damaged_parts_are_clear_errors)
{
    const char *folder = parts_folder("damaged", false);
    char path[1024], *bytes = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%s/cifar5m/part1.npz", folder);
    CHECK_OK(wn__file_read(path, &bytes, &size));
    CHECK_OK(wn__file_write(path, bytes, size - 100));
    check_fault(folder, WN_EFORMAT, "truncated");
    CHECK_OK(wn__file_write(path, "no zip", 6));
    check_fault(folder, WN_EFORMAT, "no npz file");
    CHECK_OK(wn__file_write(path, bytes, size));
    CHECK_OK(wn_data_verify("cifar5m", folder, NULL, NULL));
    bytes[size / 2] ^= 1;
    CHECK_OK(wn__file_write(path, bytes, size));
    check_fault(folder, WN_EFORMAT, "damaged");
    CHECK_STATUS(wn_data_verify("cifar5m", folder, NULL, NULL), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "part1.npz: X.npy is damaged");
    write_part(path, 1, false, (part_faults){.images = PART - 1});
    check_fault(folder, WN_EFORMAT, "49 images, expected 50");
    write_part(path, 1, true, (part_faults){.labels = PART - 1});
    check_fault(folder, WN_EFORMAT, "49 labels for 50 images");
    write_part(path, 1, true, (part_faults){.label = 10});
    check_fault(folder, WN_EFORMAT, "label 3 is not one of 0 to 9");
    write_part(path, 1, true, (part_faults){.label = -1});
    check_fault(folder, WN_EFORMAT, "label 3");
    write_part(path, 1, true, (part_faults){.descr = "<f4"});
    check_fault(folder, WN_EFORMAT, "its shape wants");
    write_part(path, 1, true, (part_faults){.descr = "|O"});
    check_fault(folder, WN_EFORMAT, "no type of element");
    CHECK(unlink(path) == 0);
    check_fault(folder, WN_ENOTFOUND, "part 1 of 0 to 5");
    wn__free(bytes);
}

#else

TEST(npz_parts_are_one_stream) { SKIP("no libzip in this build"); }
TEST(npz_parts_feed_the_ideal_world) { SKIP("no libzip in this build"); }
TEST(missing_and_damaged_parts_are_clear_errors) { SKIP("no libzip in this build"); }

#endif

TEST(a_set_for_worlds_only_says_so)
{
    const wn__dataset_type *type = NULL;
    wn__dataset data;
    CHECK_OK(wn__dataset_find("cifar5m", &type));
    CHECK_STATUS(wn__dataset_load(type, NULL, "/nowhere", NULL, false, &data), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "world");
}

/* ---- evaluations and losses */

TEST(evaluations_are_as_close_as_in_the_paper)
{
    const wn__evaluation_steps paper = {.every = 64, .early = 16}, plain = {.every = 50, .early = 1};
    int64_t early = 0, middle = 0, late = 0, all = 0;
    for (int64_t step = 1; step <= 4096; step++) {
        const bool due = wn__evaluation_is_due(&paper, step);
        CHECK(due == (step % (step < 1024 ? 4 : step < 2048 ? 8 : 64) == 0));
        early += due && step < 1024;
        middle += due && step >= 1024 && step < 2048;
        late += due && step >= 2048;
        all += wn__evaluation_is_due(&plain, step);
    }
    CHECK(early == 255 && middle == 128 && late == 33 && all == 81);
}

TEST(squared_errors_have_their_gradient)
{
    const float logits[] = {0.5f, -1, 2, 0, 0.25f, 1};
    const int32_t labels[] = {2, 0};
    float gradient[6];
    double loss[2];
    extern const wn__loss_type wn__loss_mse;
    const wn__loss squares = {.hard = &wn__loss_mse};
    const wn__loss_rows rows = {.n = 2, .batch = 2, .classes = 3, .logits = logits, .targets = wn__class_targets(labels)};
    wn__loss_compute(&squares, &rows, NULL, &(wn__loss_out){.loss = loss, .dlogits = gradient});
    CHECK_NEAR(loss[0], 0.25 + 1 + 1, 1e-12, 0);
    CHECK_NEAR(loss[1], 1 + 0.0625 + 1, 1e-12, 0);
    const double want[] = {0.5, -1, 1, -1, 0.25, 1}; /* 2 (z - q) / 2 */
    for (int i = 0; i < 6; i++)
        CHECK_NEAR(gradient[i], want[i], 1e-7, 0);
    float along[6];
    wn__loss_tangent_compute(&squares, &rows, logits, along);
    for (int i = 0; i < 6; i++)
        CHECK_NEAR(along[i], logits[i], 1e-7, 0);
}

/* ---- stages */

static const char *const network = "name: tiny\n"
                                   "nodes:\n"
                                   "  - conv: {name: conv1, out: 4, kernel: 3, stride: 2, pad: 1}\n"
                                   "  - batch_norm: {name: bn1}\n"
                                   "  - relu\n"
                                   "  - global_pool\n"
                                   "  - linear: {name: fc, out: classes}\n";

static const char *write_recipe(const char *more)
{
    char text[4096];
    const char *net = scratch_path("net.yaml"), *path = scratch_path("few.yaml");
    CHECK_OK(wn__file_write(net, network, strlen(network)));
    const int size = snprintf(text, sizeof text,
                              "name: few\n"
                              "data: {set: shapes, train_size: 48, test: 20, validation: none, augment: [flip]}\n"
                              "model: {arch: %s}\n"
                              "train: {steps: 14, batch: 16, optimizer: {sgd: {momentum: 0.9}}, lr: 0.05}\n"
                              "backend: ref\n"
                              "bootstrap: {every: 4, early: 2}\n"
                              "compare: {methods: [dense, rigl, lottery-ticket], sparsity: 50%%, seeds: 0}\n"
                              "methods: {rigl: {topology: {interval: 3it}}}\n%s",
                              net, more);
    CHECK_OK(wn__file_write(path, text, (size_t)size));
    return path;
}

typedef struct planned {
    wn__recipe *recipe;
    wn__agenda *plan;
} planned;

static planned plan_with(const char *path, const char *const *set, int sets)
{
    planned p = {0};
    wn__machine machine;
    const wn__recipe_source source = {.path = path, .set = set, .sets = sets};
    CHECK_OK(wn__recipe_read(&source, &p.recipe));
    CHECK_OK(wn__machine_choose("ref", WN__F32, 1, &machine));
    CHECK_OK(wn__agenda_make(p.recipe, &machine, &p.plan));
    return p;
}

static void release(planned *p)
{
    wn__agenda_free(p->plan);
    wn__recipe_free(p->recipe);
}

static const wn__stage *stage_called(const planned *p, const char *label)
{
    for (int i = 0; i < p->plan->stages; i++)
        if (strcmp(p->plan->stage[i].label, label) == 0) return &p->plan->stage[i];
    WN_TEST_FAIL("no stage \"%s\"", label);
}

TEST(in_the_ideal_world_a_ticket_sees_other_samples_than_what_it_comes_from)
{
    const char *path = write_recipe(""), *const ideal[] = {"world=ideal"}, *const real[] = {"world=real"};
    planned i = plan_with(path, ideal, 1), r = plan_with(path, real, 1);
    const wn__stage *dense = stage_called(&i, "dense seed 0"), *ticket = stage_called(&i, "lottery-ticket 50% seed 0");
    const wn__stage *rigl = stage_called(&i, "rigl 50% seed 0");
    CHECK(dense->train.fresh_first == 0 && dense->train.fresh_end == 5 * 48); /* 14 steps are 4 epochs of 3 and a part */
    CHECK(rigl->train.fresh_first == 0 && ticket->train.fresh_first == 5 * 48 && ticket->train.fresh_end == 10 * 48);
    CHECK(dense->train.spec.evaluate.train_images == 0 && dense->train.spec.evaluate.every == 4);
    const wn__stage *other = stage_called(&r, "lottery-ticket 50% seed 0");
    CHECK(other->train.fresh_first == 0 && other->train.spec.evaluate.train_images == 48);
    CHECK(strcmp(other->identity, ticket->identity) != 0);
    release(&i);
    release(&r);
}

TEST(a_shared_origin_is_trained_once_for_both_worlds)
{
    const char *path = write_recipe("");
    const char *const ideal[] = {"world=ideal", "bootstrap.origin=shared"}, *const real[] = {"world=real", "bootstrap.origin=shared"};
    planned i = plan_with(path, ideal, 2), r = plan_with(path, real, 2);
    const wn__stage *a = stage_called(&i, "dense third sample seed 0"), *b = stage_called(&r, "dense third sample seed 0");
    CHECK_EQ_TEXT(a->identity, b->identity);
    CHECK(a->train.third && a->train.fresh_end == 0);
    const wn__stage *ticket = stage_called(&i, "lottery-ticket 50% seed 0");
    CHECK(!ticket->train.third && ticket->train.fresh_first == 0 && ticket->train.fresh_end == 5 * 48);
    CHECK(strcmp(stage_called(&i, "dense seed 0")->identity, a->identity) != 0);
    release(&i);
    release(&r);
}

static void check_refused(const char *more, const char *const *set, int sets, const char *text)
{
    wn__recipe *recipe = NULL;
    wn__agenda *plan = NULL;
    wn__machine machine;
    const wn__recipe_source source = {.path = write_recipe(more), .set = set, .sets = sets};
    wn_status status = wn__recipe_read(&source, &recipe);
    CHECK_OK(wn__machine_choose("ref", WN__F32, 1, &machine));
    if (status == WN_OK) status = wn__agenda_make(recipe, &machine, &plan);
    CHECK_STATUS(status, WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), text);
    wn__agenda_free(plan);
    wn__recipe_free(recipe);
}

TEST(what_the_ideal_world_cannot_be_is_refused)
{
    static const char *const wrap[] = {"world=ideal", "data.last_batch=wrap", "data.train_size=40"};
    static const char *const looks[] = {"world=ideal", "methods.rigl.topology.gradient=fixed"};
    static const char *const finite[] = {"world=ideal", "data={set: fashion-mnist, train_size: 20000, validation: none}",
                                         "train={epochs: 4}"};
    static const char *const large[] = {"world=real", "data={set: fashion-mnist, train_size: 70000}"};
    static const char *const steps[] = {"world=real", "data={set: fashion-mnist}"};
    static const char *const twice[] = {"bootstrap.n=[10, 10]"}, *const unknown[] = {"world=perfect"};
    check_refused("", wrap, 3, "wrap");
    check_refused("", looks, 2, "looks at images again");
    check_refused("", finite, 3, "needs 80000 samples that differ, fashion-mnist has 60000");
    check_refused("", large, 2, "there are 55000");
    check_refused("", steps, 2, "train_size");
    check_refused("", twice, 1, "listed twice");
    check_refused("", unknown, 1, "real, ideal");
}

TEST(an_ordinary_set_is_shared_out_among_its_epochs)
{
    static const char *const set[] = {"world=real", "data={set: fashion-mnist, validation: last-10000}", "train={epochs: 20}",
                                      "compare.methods=[dense]"};
    planned p = plan_with(write_recipe(""), set, 4);
    CHECK_EQ_INT(p.recipe->train_images, 2500);
    CHECK_EQ_INT(p.recipe->world_samples, 50000);
    release(&p);
}

/* ---- running and continuing */

static int calls_left;

static void stop_at_call(void *user, const wn_progress *progress)
{
    (void)user, (void)progress;
    if (--calls_left == 0) wn_request_stop();
}

static wn_status run_world(const char *path, const char *store, const char *world, int threads, wn_progress_call call)
{
    char set[64];
    snprintf(set, sizeof set, "world=%s", world);
    const char *const sets[] = {set};
    const wn_run_options options = {
        .size = sizeof options, .recipe = path, .set = sets, .sets = 1, .out = store, .threads = threads, .progress = call};
    return wn_experiment_run(&options, NULL);
}

static int run_until(const char *path, const char *store, const char *world, int calls)
{
    fflush(NULL);
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        calls_left = calls;
        const wn_status status = run_world(path, store, world, 1, stop_at_call);
        _exit(status == WN_OK ? 0 : status == WN_ESTOPPED ? 5 : 1);
    }
    int how;
    CHECK(waitpid(pid, &how, 0) == pid && WIFEXITED(how));
    return WEXITSTATUS(how);
}

static void check_same_stores(const char *left, const char *right)
{
    static const char *const files[] = {"final.safetensors", "metrics.jsonl"};
    char a[1024], b[1024], **names, *x, *y;
    int count, compared = 0;
    size_t nx, ny;
    snprintf(a, sizeof a, "%s/stages", left);
    CHECK_OK(wn__list_folder(a, &names, &count));
    for (int i = 0; i < count; i++)
        for (int f = 0; f < 2; f++) {
            snprintf(a, sizeof a, "%s/stages/%s/%s", left, names[i], files[f]);
            snprintf(b, sizeof b, "%s/stages/%s/%s", right, names[i], files[f]);
            if (!wn__file_exists(a)) continue;
            CHECK_OK(wn__file_read(a, &x, &nx));
            CHECK_OK(wn__file_read(b, &y, &ny));
            CHECK(nx == ny && memcmp(x, y, nx) == 0);
            wn__free(x);
            wn__free(y);
            compared++;
        }
    wn__free_names(names, count);
    CHECK_EQ_INT(compared, 6);
}

TEST(stopped_and_continued_or_with_more_threads_it_is_the_same)
{
    static const char *const worlds[] = {"real", "ideal"};
    const char *path = write_recipe("");
    for (int w = 0; w < 2; w++) {
        const char *whole = scratch_path(w ? "whole-ideal" : "whole-real"), *parts = scratch_path(w ? "parts-ideal" : "parts-real"),
                   *threads = scratch_path(w ? "threads-ideal" : "threads-real");
        CHECK_OK(run_world(path, whole, worlds[w], 1, NULL));
        CHECK_EQ_INT(run_until(path, parts, worlds[w], 5), 5);
        CHECK_EQ_INT(run_until(path, parts, worlds[w], 12), 5);
        CHECK_OK(run_world(path, parts, worlds[w], 1, NULL));
        CHECK_OK(run_world(path, threads, worlds[w], 3, NULL));
        check_same_stores(whole, parts);
        check_same_stores(whole, threads);
    }
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(a_sample_never_comes_back_in_the_ideal_world),
                                    RUN(the_real_world_is_the_first_n_again_and_again),
                                    RUN(both_worlds_begin_with_the_same_epoch),
                                    RUN(threads_and_seeking_change_nothing),
                                    RUN(test_validation_and_third_sample_are_in_neither_world),
                                    RUN(an_ordinary_set_is_its_own_stream),
                                    RUN(label_noise_is_of_the_sample_alone),
                                    RUN(npz_parts_are_one_stream),
                                    RUN(npz_parts_feed_the_ideal_world),
                                    RUN(missing_and_damaged_parts_are_clear_errors),
                                    RUN(a_set_for_worlds_only_says_so),
                                    RUN(evaluations_are_as_close_as_in_the_paper),
                                    RUN(squared_errors_have_their_gradient),
                                    RUN(in_the_ideal_world_a_ticket_sees_other_samples_than_what_it_comes_from),
                                    RUN(a_shared_origin_is_trained_once_for_both_worlds),
                                    RUN(what_the_ideal_world_cannot_be_is_refused),
                                    RUN(an_ordinary_set_is_shared_out_among_its_epochs),
                                    RUN(stopped_and_continued_or_with_more_threads_it_is_the_same),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
