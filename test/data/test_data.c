#include <zlib.h>

#include "base/alloc.h"
#include "base/text.h"
#include "data/catalog.h"
#include "data/contents.h"
#include "data/getting.h"
#include "file_server.h"
#include "io/digest.h"
#include "io/fetch.h"
#include "scratch_folder.h"
#include "tiny_data.h"
#include "winnow/data.h"

static const char *real_data(void)
{
    const char *folder = getenv("WINNOW_DATA");
    if (!folder || !*folder) SKIP("WINNOW_DATA is not set");
    return folder;
}

static const wn__dataset_type *type_of(const char *name)
{
    const wn__dataset_type *type = NULL;
    CHECK_OK(wn__dataset_find(name, &type));
    return type;
}

/* ---- registry and folder */

TEST(unknown_data_set_lists_the_valid_ones)
{
    const wn__dataset_type *type;
    CHECK_STATUS(wn__dataset_find("cifar", &type), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "unknown data set 'cifar'; valid: ");
    CHECK_HAS_TEXT(wn_error_message(), "cifar10, cifar100");
}

TEST(every_entry_is_complete)
{
    for (int i = 0; i < wn_dataset_count(); i++) {
        wn_dataset_info info;
        CHECK_OK(wn_dataset_get_info(i, &info));
        CHECK(info.name && info.summary && info.license && info.channels >= 1 && info.channels <= WN__MAX_CHANNELS);
        CHECK(info.classes >= 2 || wn__datasets[i]->describe != NULL);
        for (int c = 0; c < info.classes; c++)
            CHECK(info.class_names[c] && *info.class_names[c]);
        for (int c = 0; c < info.channels; c++)
            CHECK(wn__datasets[i]->mean[c] > 0 && wn__datasets[i]->std[c] > 0);
        CHECK(!info.embedded || (info.url == NULL && !info.checksums));
        CHECK(info.checksums == (strcmp(info.name, "cifar5m") != 0 && wn__datasets[i]->files != NULL)); /* which publishes none */
        for (const wn__data_file *f = wn__datasets[i]->files; f && f->names; f++)
            if (f->sha256) CHECK_EQ_INT(strlen(f->sha256), 64);
        for (const wn__data_source *s = wn__datasets[i]->sources; s && s->url; s++)
            CHECK_EQ_INT(strlen(s->sha256), 64);
    }
    wn_dataset_info info;
    CHECK_STATUS(wn_dataset_get_info(wn_dataset_count(), &info), WN_EINVAL);
}

static void check_folder(const char *given, const char *want)
{
    char buffer[256];
    CHECK_OK(wn_data_folder(given, buffer, sizeof(buffer)));
    CHECK_EQ_TEXT(buffer, want);
}

TEST(data_folder_follows_argument_variable_and_xdg)
{
    char *kept = getenv("WINNOW_DATA") ? strdup(getenv("WINNOW_DATA")) : NULL;
    setenv("WINNOW_DATA", "/data/w", 1);
    setenv("XDG_DATA_HOME", "/xdg", 1);
    setenv("HOME", "/home/u", 1);
    check_folder("given", "given");
    check_folder(NULL, "/data/w");
    check_folder("", "/data/w");
    unsetenv("WINNOW_DATA");
    check_folder(NULL, "/xdg/winnow");
    unsetenv("XDG_DATA_HOME");
    check_folder(NULL, "/home/u/.local/share/winnow");
    unsetenv("HOME");
    char buffer[8];
    CHECK_STATUS(wn_data_folder(NULL, buffer, sizeof(buffer)), WN_ENOTFOUND);
    CHECK_STATUS(wn_data_folder("/longer/than/eight", buffer, sizeof(buffer)), WN_EINVAL);
    if (kept) setenv("WINNOW_DATA", kept, 1);
    free(kept);
}

/* ---- loading made-up files */

static void write_idx(const char *name, const uint8_t *header, size_t header_size, int64_t bytes, int fill)
{
    uint8_t *file = wn__alloc(header_size + (size_t)bytes);
    memcpy(file, header, header_size);
    memset(file + header_size, fill, (size_t)bytes);
    CHECK_OK(wn__file_write(scratch_path(name), file, header_size + (size_t)bytes));
    wn__free(file);
}

static void write_tiny_mnist(const char *sub)
{
    static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 28, 0, 0, 0, 28}, labels[] = {0, 0, 8, 1, 0, 0, 0, 4};
    char name[128];
    CHECK_OK(wn__make_folders(scratch_path(sub)));
    for (int part = 0; part < 2; part++) {
        const char *prefix = part ? "t10k" : "train";
        snprintf(name, sizeof(name), "%s/%s-images-idx3-ubyte", sub, prefix);
        write_idx(name, images, sizeof(images), 4 * 784, part ? 9 : 200);
        snprintf(name, sizeof(name), "%s/%s-labels-idx1-ubyte", sub, prefix);
        write_idx(name, labels, sizeof(labels), 4, part ? 1 : 7);
    }
}

TEST(idx_set_is_loaded_from_its_usual_folder)
{
    write_tiny_mnist("MNIST/raw");
    wn__dataset d = {0};
    CHECK_OK(wn__dataset_load(type_of("mnist"), NULL, scratch_folder, NULL, true, &d));
    CHECK(d.facts.train_count == 4 && d.facts.test_count == 4 && d.facts.sample.channels == 1 && d.facts.sample.height == 28 &&
          d.facts.sample.classes == 10);
    int32_t label;
    CHECK(tiny_pixels(&d, WN__PART_TRAIN, 3, &label)[783] == 200 && label == 7);
    CHECK(tiny_pixels(&d, WN__PART_TEST, 0, &label)[0] == 9 && label == 1);
    wn__dataset_release(&d);
    CHECK_STATUS(wn__dataset_load(type_of("fashion-mnist"), NULL, scratch_folder, NULL, true, &d), WN_ENOTFOUND);
    CHECK_HAS_TEXT(wn_error_message(), "fashion-mnist/train-images-idx3-ubyte");
}

TEST(files_that_do_not_belong_together_are_refused)
{
    static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 5}, small[] = {0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 27, 0, 0, 0, 28};
    wn__dataset d;
    write_tiny_mnist("MNIST/raw");
    write_idx("MNIST/raw/train-labels-idx1-ubyte", labels, sizeof(labels), 5, 7);
    CHECK_STATUS(wn__dataset_load(type_of("mnist"), NULL, scratch_folder, NULL, true, &d), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "has 5 labels");
    write_tiny_mnist("MNIST/raw");
    write_idx("MNIST/raw/t10k-images-idx3-ubyte", small, sizeof(small), 4 * 27 * 28, 7);
    CHECK_STATUS(wn__dataset_load(type_of("mnist"), NULL, scratch_folder, NULL, true, &d), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "no images of 28 x 28");
    write_tiny_mnist("MNIST/raw");
    write_idx("MNIST/raw/t10k-labels-idx1-ubyte", (uint8_t[]){0, 0, 8, 1, 0, 0, 0, 4}, 8, 4, 10);
    CHECK_STATUS(wn__dataset_load(type_of("mnist"), NULL, scratch_folder, NULL, true, &d), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "label 0 is 10, expected 0 to 9");
}

TEST(cifar_set_is_loaded_from_its_batches)
{
    static uint8_t record[3073];
    char name[64];
    CHECK_OK(wn__make_folders(scratch_path("cifar-10-batches-bin")));
    for (int i = 1; i <= 6; i++) {
        memset(record, 10 * i, sizeof(record));
        record[0] = (uint8_t)i;
        snprintf(name, sizeof(name), i <= 5 ? "cifar-10-batches-bin/data_batch_%d.bin" : "cifar-10-batches-bin/test_batch.bin", i);
        CHECK_OK(wn__file_write(scratch_path(name), record, sizeof(record)));
    }
    wn__dataset d = {0};
    CHECK_OK(wn__dataset_load(type_of("cifar10"), NULL, scratch_folder, NULL, true, &d));
    int32_t label;
    CHECK(d.facts.train_count == 5 && d.facts.test_count == 1 && d.facts.sample.channels == 3);
    for (int i = 0; i < 5; i++)
        CHECK(tiny_pixels(&d, WN__PART_TRAIN, i, &label)[3071] == 10 * (i + 1) && label == i + 1);
    tiny_pixels(&d, WN__PART_TEST, 0, &label);
    CHECK_EQ_INT(label, 6);
    wn__dataset_release(&d);
    CHECK_OK(wn__file_write(scratch_path("cifar-10-batches-bin/data_batch_3.bin"), record, 3000));
    CHECK_STATUS(wn__dataset_load(type_of("cifar10"), NULL, scratch_folder, NULL, true, &d), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "cifar-10-batches-bin/data_batch_3.bin: 3000 bytes");
}

/* ---- CIFAR's Python version, as Python 2 pickled it with protocol 2 */

static void add_count(wn__text *out, size_t count)
{
    wn__text_add_bytes(out, (const uint8_t[4]){(uint8_t)count, (uint8_t)(count >> 8), (uint8_t)(count >> 16), (uint8_t)(count >> 24)}, 4);
}

static void add_raw(wn__text *out, const char *bytes, size_t size) { wn__text_add_bytes(out, bytes, size); }
#define RAW(out, literal) add_raw(out, literal, sizeof literal - 1)

/* numpy's way of an array of bytes (n, 3072); `order`: 0x89 of C's, 0x88 of Fortran's. */
static void add_array(wn__text *out, const uint8_t *pixels, size_t n, char order)
{
    RAW(out, "cnumpy.core.multiarray\n_reconstruct\nq\x02"
             "cnumpy\nndarray\nq\x03K\x00\x85q\x04U\x01"
             "bq\x05\x87q\x06Rq\x07(K\x01J");
    add_count(out, n);
    RAW(out, "M\x00\x0c\x86q\x08"
             "cnumpy\ndtype\nq\x09U\x02u1q\x0aK\x00K\x01\x87q\x0bRq\x0c(K\x03U\x01|q\x0dNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0e"
             "b");
    add_raw(out, &order, 1);
    RAW(out, "T");
    add_count(out, n * 3072);
    wn__text_add_bytes(out, pixels, n * 3072);
    RAW(out, "q\x0ftq\x10"
             "b");
}

static void add_labels(wn__text *out, const char *key, const uint8_t *labels, size_t n)
{
    add_raw(out, "U", 1);
    add_raw(out, (const char[]){(char)strlen(key)}, 1);
    add_raw(out, key, strlen(key));
    RAW(out, "]q\x12(");
    for (size_t i = 0; i < n; i++)
        add_raw(out, (const char[]){'K', (char)labels[i]}, 2);
    RAW(out, "e");
}

static void write_pickle(const char *name, const uint8_t *pixels, const uint8_t *coarse, const uint8_t *labels, size_t n, char order)
{
    wn__text out = {0};
    RAW(&out, "\x80\x02}q\x01(U\x04"
              "data");
    add_array(&out, pixels, n, order);
    if (coarse) add_labels(&out, "coarse_labels", coarse, n);
    add_labels(&out, coarse ? "fine_labels" : "labels", labels, n);
    RAW(&out, "U\x09"
              "filenames]q\x14U\x05"
              "a.pngau.");
    CHECK_OK(wn__file_write(scratch_path(name), out.data, out.size));
    wn__text_release(&out);
}

enum { ROWS = 3 };

static uint8_t pixel_of(int file, int row, int at) { return (uint8_t)(file * 50 + row * 7 + at * 3 + at / 1024); }

/* Of this or an earlier test: the binary files are looked for first. */
static void remove_binary_cifar10(void)
{
    char name[64];
    for (int file = 1; file <= 6; file++) {
        snprintf(name, sizeof name, file <= 5 ? "cifar-10-batches-bin/data_batch_%d.bin" : "cifar-10-batches-bin/test_batch.bin", file);
        unlink(scratch_path(name));
    }
}

/* Of each order of arrays the same samples as in the binary files. */
static void write_python_cifar10(char order)
{
    static uint8_t pixels[ROWS * 3072];
    char name[64];
    remove_binary_cifar10();
    CHECK_OK(wn__make_folders(scratch_path("cifar-10-batches-py")));
    for (int file = 1; file <= 6; file++) {
        for (int i = 0; i < ROWS * 3072; i++) {
            const int row = i / 3072, at = i % 3072;
            pixels[order == (char)0x88 ? at * ROWS + row : i] = pixel_of(file, row, at);
        }
        snprintf(name, sizeof name, file <= 5 ? "cifar-10-batches-py/data_batch_%d" : "cifar-10-batches-py/test_batch", file);
        write_pickle(name, pixels, NULL, (const uint8_t[ROWS]){(uint8_t)file, 0, 9}, ROWS, order);
    }
}

static void write_binary_cifar10(void)
{
    static uint8_t record[ROWS * 3073];
    char name[64];
    CHECK_OK(wn__make_folders(scratch_path("cifar-10-batches-bin")));
    for (int file = 1; file <= 6; file++) {
        for (int row = 0; row < ROWS; row++) {
            record[row * 3073] = (const uint8_t[ROWS]){(uint8_t)file, 0, 9}[row];
            for (int at = 0; at < 3072; at++)
                record[row * 3073 + 1 + at] = pixel_of(file, row, at);
        }
        snprintf(name, sizeof name, file <= 5 ? "cifar-10-batches-bin/data_batch_%d.bin" : "cifar-10-batches-bin/test_batch.bin", file);
        CHECK_OK(wn__file_write(scratch_path(name), record, sizeof record));
    }
}

TEST(cifar_s_python_version_holds_the_same_samples)
{
    wn__dataset python = {0}, binary = {0};
    for (int k = 0; k < 2; k++) {
        write_python_cifar10(k ? (char)0x88 : (char)0x89);
        CHECK_OK(wn__dataset_load(type_of("cifar10"), NULL, scratch_folder, NULL, true, &python));
        write_binary_cifar10();
        CHECK_OK(wn__dataset_load(type_of("cifar10"), NULL, scratch_folder, NULL, true, &binary));
        CHECK(python.facts.train_count == 5 * ROWS && python.facts.test_count == ROWS);
        for (int i = 0; i < 6; i++) /* so keys of results are the same, too */
            CHECK_EQ_TEXT(python.contents.file[i].sha256, binary.contents.file[i].sha256);
        for (int i = 0; i < 5 * ROWS; i++) {
            int32_t a, b;
            uint8_t kept[3072];
            memcpy(kept, tiny_pixels(&python, WN__PART_TRAIN, i, &a), sizeof kept);
            CHECK(memcmp(kept, tiny_pixels(&binary, WN__PART_TRAIN, i, &b), sizeof kept) == 0 && a == b);
        }
        wn__dataset_release(&python);
        wn__dataset_release(&binary);
    }
}

TEST(cifar_100_s_python_version_gives_the_fine_label)
{
    static uint8_t pixels[3072];
    wn__dataset d = {0};
    int32_t label;
    CHECK_OK(wn__make_folders(scratch_path("cifar-100-python")));
    write_pickle("cifar-100-python/train", pixels, (const uint8_t[]){5}, (const uint8_t[]){77}, 1, (char)0x89);
    write_pickle("cifar-100-python/test", pixels, (const uint8_t[]){5}, (const uint8_t[]){78}, 1, (char)0x89);
    CHECK_OK(wn__dataset_load(type_of("cifar100"), NULL, scratch_folder, NULL, true, &d));
    tiny_pixels(&d, WN__PART_TRAIN, 0, &label);
    CHECK_EQ_INT(label, 77);
    wn__dataset_release(&d);
}

static void check_batch(const char *bytes, size_t size, wn_status status, const char *text)
{
    wn__dataset d = {0};
    CHECK_OK(wn__file_write(scratch_path("cifar-10-batches-py/data_batch_2"), bytes, size));
    CHECK_STATUS(wn__dataset_load(type_of("cifar10"), NULL, scratch_folder, NULL, true, &d), status);
    CHECK_HAS_TEXT(wn_error_message(), text);
}
#define CHECK_BATCH(literal, status, text) check_batch(literal, sizeof literal - 1, status, text)

TEST(pickles_that_are_no_batch_are_refused_and_run_nothing)
{
    write_python_cifar10((char)0x89);
    CHECK_BATCH("\x80\x02}q\x01(U\x04"
                "datacos\nsystem\nq\x02U\x04true\x85Ru.",
                WN_EUNSUPPORTED, "data_batch_2: the pickle asks for 'os.system', which is not read");
    CHECK_BATCH("\x80\x02}q\x01(U\x04"
                "dataK\x01u.",
                WN_EFORMAT, "it has no array \"data\"");
    CHECK_BATCH("\x80\x02}q\x01(U\x04"
                "data",
                WN_EFORMAT, "it ends too early");
    static uint8_t pixels[4 * 3072];
    write_pickle("cifar-10-batches-py/data_batch_2", pixels, NULL, (const uint8_t[]){1, 2, 3, 10}, 4, (char)0x89);
    wn__dataset d = {0};
    CHECK_STATUS(wn__dataset_load(type_of("cifar10"), NULL, scratch_folder, NULL, true, &d), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "record 3 has label 10, expected 0 to 9");
}

TEST(other_contents_are_refused_unless_they_may_be_unverified)
{
    wn__dataset d;
    char key[WN__SHA256_TEXT];
    write_tiny_mnist("MNIST/raw");
    CHECK_STATUS(wn__dataset_load(type_of("mnist"), NULL, scratch_folder, NULL, false, &d), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), "MNIST/raw/train-images-idx3-ubyte: is not the published file of mnist");
    CHECK_HAS_TEXT(wn_error_message(), "3152 bytes with SHA-256 ");
    CHECK_HAS_TEXT(wn_error_message(), "expected 47040016 with ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db");
    CHECK_HAS_TEXT(wn_error_message(), "data.unverified: true");
    CHECK_OK(wn__dataset_load(type_of("mnist"), NULL, scratch_folder, NULL, true, &d));
    CHECK_EQ_INT(d.contents.files, 4);
    CHECK_OK(wn__data_contents_key(d.type, &d.contents, key));
    CHECK_EQ_INT(strlen(key), 64);
    wn__dataset_release(&d);
}

/* ---- splits */

static void check_split(const char *validation, int64_t size, wn__range train, wn__range held)
{
    const wn__data_facts d = {.train_count = 100, .test_count = 20};
    wn__split s;
    CHECK_OK(wn__split_make(&d, validation, size, &s));
    const wn__range got = wn__split_range(&s, WN__PART_TRAIN), got_held = wn__split_range(&s, WN__PART_VALIDATION);
    CHECK(got.first == train.first && got.count == train.count);
    CHECK(got_held.count == held.count && (held.count == 0 || got_held.first == held.first));
    CHECK_EQ_INT(wn__split_range(&s, WN__PART_TEST).count, 20);
}

TEST(splits_are_ranges)
{
    check_split("none", 0, (wn__range){0, 100}, (wn__range){0, 0});
    check_split("last-10", 0, (wn__range){0, 90}, (wn__range){90, 10});
    check_split("first-10", 0, (wn__range){10, 90}, (wn__range){0, 10});
    check_split("first-10", 50, (wn__range){10, 50}, (wn__range){0, 10});
    check_split("last-0", 7, (wn__range){0, 7}, (wn__range){100, 0});
}

TEST(impossible_splits_are_refused)
{
    const wn__data_facts d = {.train_count = 100};
    wn__split s;
    static const char *const wrong[] = {
        "first", "last-", "last-x", "last-5x", "last--5", "5000", "", "last-100", "first-99999999999999999999"};
    for (int i = 0; i < 9; i++)
        CHECK_STATUS(wn__split_make(&d, wrong[i], 0, &s), WN_EUSAGE);
    CHECK_STATUS(wn__split_make(&d, "last-10", 91, &s), WN_EUSAGE);
    CHECK_EQ_TEXT(wn_error_message(), "91 training images asked for, but 90 remain after validation 'last-10'");
}

/* ---- normalisation */

static void check_normal(const char *name, const wn__dataset *d, float black, float white)
{
    wn__normalize n;
    static const uint8_t pixels[3] = {0, 255, 0};
    float out[3];
    CHECK_OK(wn__normalize_find(name, d, &n));
    wn__normalize_image(&n, d->facts.sample.channels, 3 / d->facts.sample.channels, pixels, out);
    CHECK_NEAR(out[0], black, 1e-6, 1e-6);
    CHECK_NEAR(out[1], white, 1e-6, 1e-6);
}

TEST(normalisations_follow_their_formulas)
{
    const wn__dataset color = {.type = type_of("cifar10"), .facts = type_of("cifar10")->facts},
                      gray = {.type = type_of("mnist"), .facts = type_of("mnist")->facts};
    check_normal("none", &color, 0, 1);
    check_normal("signed", &color, -1, 1);
    check_normal("imagenet", &color, -0.485f / 0.229f, (1 - 0.456f) / 0.224f);
    check_normal("imagenet", &gray, -0.449f / 0.226f, (1 - 0.449f) / 0.226f);
    check_normal("dataset", &color, -0.4914f / 0.2470f, (1 - 0.4822f) / 0.2435f);
    check_normal("cifar100", &color, -0.5071f / 0.2673f, (1 - 0.4865f) / 0.2564f);
    check_normal("dataset", &gray, -0.1307f / 0.3081f, (1 - 0.1307f) / 0.3081f);
    /* one white pixel of three: mean 1/3, deviation sqrt(2)/3 below the least 1/sqrt(3) */
    check_normal("per-image", &color, -sqrtf(3) / 3, 2 * sqrtf(3) / 3);
    wn__normalize n;
    CHECK_STATUS(wn__normalize_find("cifar10", &gray, &n), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "'cifar10' is for 3 channels, the images have 1");
    CHECK_STATUS(wn__normalize_find("zscore", &gray, &n), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "dataset, imagenet, cifar10-classic, per-image, signed, none");
}

TEST(per_image_normalisation_has_mean_0_and_deviation_1)
{
    const wn__dataset color = {.type = type_of("cifar10"), .facts = type_of("cifar10")->facts};
    wn__normalize n;
    uint8_t pixels[3 * 64];
    float out[3 * 64];
    for (int i = 0; i < 192; i++)
        pixels[i] = (uint8_t)(i * 89);
    CHECK_OK(wn__normalize_find("per-image", &color, &n));
    wn__normalize_image(&n, 3, 64, pixels, out);
    double sum = 0, squares = 0;
    for (int i = 0; i < 192; i++) {
        sum += out[i];
        squares += (double)out[i] * out[i];
    }
    CHECK_NEAR(sum / 192, 0, 1e-6, 0);
    CHECK_NEAR(squares / 192, 1, 1e-5, 0);
    memset(pixels, 77, sizeof(pixels));
    wn__normalize_image(&n, 3, 64, pixels, out);
    for (int i = 0; i < 192; i++)
        CHECK_NEAR(out[i], 0, 1e-5, 0);
}

/* ---- getting: a data set of two small files in an archive, and one of a packed file */

enum { A_SIZE = 1000, B_SIZE = 3000 };

typedef struct small_set {
    char sum_a[WN__SHA256_TEXT], sum_b[WN__SHA256_TEXT], sum_archive[WN__SHA256_TEXT], sum_gz[WN__SHA256_TEXT];
    wn__data_file files[3];
    wn__data_source archive[2], single[2];
    wn__dataset_type as_archive, as_file;
} small_set;

static size_t add_member(uint8_t *at, const char *name, const uint8_t *contents, size_t size)
{
    memset(at, 0, 512 + (size + 511) / 512 * 512);
    snprintf((char *)at, 100, "small-bin/%s", name);
    snprintf((char *)at + 124, 12, "%011o", (unsigned)size);
    at[156] = '0';
    memset(at + 148, ' ', 8);
    unsigned sum = 0;
    for (int i = 0; i < 512; i++)
        sum += at[i];
    snprintf((char *)at + 148, 8, "%06o", sum);
    memcpy(at + 512, contents, size);
    return 512 + (size + 511) / 512 * 512;
}

static int64_t write_gz(const char *name, const void *data, size_t size, char sum[WN__SHA256_TEXT])
{
    gzFile file = gzopen(scratch_path(name), "wb");
    CHECK(file && gzwrite(file, data, (unsigned)size) == (int)size && gzclose(file) == Z_OK);
    int64_t bytes;
    CHECK_OK(wn__sha256_file(scratch_path(name), sum));
    CHECK_OK(wn__file_size(scratch_path(name), &bytes));
    return bytes;
}

/* Makes mirror/small.tar.gz, mirror/b.bin.gz, and the types that describe them; `data` is emptied. */
static void make_small_set(small_set *s)
{
    static const char *const a_names[] = {"small/a.bin", NULL}, *const b_names[] = {"small/b.bin", NULL};
    static uint8_t a[A_SIZE], b[B_SIZE], tar[16384];
    for (int i = 0; i < B_SIZE; i++)
        b[i] = (uint8_t)(i * i % 251);
    CHECK_OK(wn__sha256(a, A_SIZE, s->sum_a));
    CHECK_OK(wn__sha256(b, B_SIZE, s->sum_b));
    CHECK_OK(wn__make_folders(scratch_path("mirror")));
    CHECK_OK(wn__remove_tree(scratch_path("data")));
    size_t size = add_member(tar, "readme.txt", (const uint8_t *)"hello", 5);
    size += add_member(tar + size, "a.bin", a, A_SIZE);
    size += add_member(tar + size, "b.bin", b, B_SIZE);
    memset(tar + size, 0, 1024);
    s->files[0] = (wn__data_file){a_names, A_SIZE, s->sum_a};
    s->files[1] = (wn__data_file){b_names, B_SIZE, s->sum_b};
    s->files[2] = (wn__data_file){0};
    const int64_t archive_bytes = write_gz("mirror/small.tar.gz", tar, size + 1024, s->sum_archive);
    const int64_t gz_bytes = write_gz("mirror/b.bin.gz", b, B_SIZE, s->sum_gz);
    s->archive[0] = (wn__data_source){"http://127.0.0.1:1/small.tar.gz", archive_bytes, s->sum_archive, true};
    s->single[0] = (wn__data_source){"http://127.0.0.1:1/b.bin.gz", gz_bytes, s->sum_gz, false};
    s->archive[1] = s->single[1] = (wn__data_source){0};
    s->as_archive = (wn__dataset_type){.name = "small", .files = s->files, .sources = s->archive};
    s->as_file = (wn__dataset_type){.name = "small", .files = s->files + 1, .sources = s->single};
}

TEST(contents_are_told_apart_byte_by_byte)
{
    small_set s;
    wn__data_contents c;
    uint8_t b[B_SIZE];
    char key[2][WN__SHA256_TEXT];
    make_small_set(&s);
    CHECK_OK(wn__data_get(&s.as_archive, scratch_path("mirror"), scratch_path("data"), NULL, NULL));
    CHECK_OK(wn__data_contents_read(&s.as_archive, scratch_path("data"), NULL, false, &c));
    CHECK_OK(wn__data_contents_key(&s.as_archive, &c, key[0]));
    CHECK(c.files == 2 && !key[0][0] && strcmp(c.file[1].sha256, s.sum_b) == 0);
    for (int i = 0; i < 2; i++) { /* as many bytes, but others */
        memset(b, i + 1, B_SIZE);
        CHECK_OK(wn__file_write(scratch_path("data/small/b.bin"), b, B_SIZE));
        CHECK_STATUS(wn__data_contents_read(&s.as_archive, scratch_path("data"), NULL, false, &c), WN_EMISMATCH);
        CHECK_HAS_TEXT(wn_error_message(), "data/small/b.bin: is not the published file of small");
        CHECK_OK(wn__data_contents_read(&s.as_archive, scratch_path("data"), NULL, true, &c));
        CHECK_OK(wn__data_contents_key(&s.as_archive, &c, key[i]));
        CHECK_EQ_INT(strlen(key[i]), 64);
    }
    CHECK(strcmp(key[0], key[1]) != 0);
    CHECK_OK(wn__data_check_unchanged(&s.as_archive, scratch_path("data"), &c));
    CHECK_OK(wn__remove_tree(scratch_path("data/small/a.bin")));
    CHECK_STATUS(wn__data_contents_read(&s.as_archive, scratch_path("data"), NULL, true, &c), WN_ENOTFOUND);
    CHECK_STATUS(wn__data_contents_read(&s.as_archive, scratch_path("data"), NULL, false, &c), WN_EMISMATCH); /* what is there counts */
}

TEST(archive_is_fetched_from_a_mirror_and_unpacked)
{
    if (!wn__fetch_available()) SKIP("built without libcurl");
    small_set s;
    make_small_set(&s);
    file_server server = file_server_start(scratch_path("mirror"), NULL);
    char from[64];
    snprintf(from, sizeof(from), "http://127.0.0.1:%d", server.port);
    const wn_status got = wn__data_get(&s.as_archive, from, scratch_path("data"), NULL, NULL);
    file_server_stop(&server);
    CHECK_OK(got);
    CHECK_OK(wn__data_check_file(scratch_path("data/small/a.bin"), &s.files[0]));
    CHECK_OK(wn__data_check_file(scratch_path("data/small/b.bin"), &s.files[1]));
    CHECK(!wn__file_exists(scratch_path("data/small/small.tar.gz")) && !wn__file_exists(scratch_path("data/small/readme.txt")));
    CHECK_OK(wn__data_get(&s.as_archive, from, scratch_path("data"), NULL, NULL)); /* all there: the mirror is not asked */
}

TEST(folder_serves_as_a_mirror)
{
    small_set s;
    make_small_set(&s);
    CHECK_OK(wn__data_get(&s.as_archive, scratch_path("mirror"), scratch_path("data"), NULL, NULL));
    CHECK_OK(wn__data_check_file(scratch_path("data/small/b.bin"), &s.files[1]));
    make_small_set(&s);
    CHECK_OK(wn__data_get(&s.as_file, scratch_path("mirror"), scratch_path("data"), NULL, NULL));
    CHECK_OK(wn__data_check_file(scratch_path("data/small/b.bin.gz"), &s.files[1]));
}

TEST(folder_with_the_unpacked_files_serves_too)
{
    small_set s;
    make_small_set(&s);
    CHECK_OK(wn__data_get(&s.as_archive, scratch_path("mirror"), scratch_path("data"), NULL, NULL));
    CHECK_OK(wn__data_get(&s.as_archive, scratch_path("data"), scratch_path("second"), NULL, NULL));
    CHECK_OK(wn__data_check_file(scratch_path("second/small/a.bin"), &s.files[0]));
    CHECK_STATUS(wn__data_get(&s.as_archive, scratch_path("nowhere"), scratch_path("third"), NULL, NULL), WN_ENOTFOUND);
    CHECK_HAS_TEXT(wn_error_message(), "neither small.tar.gz nor the unpacked files are there");
}

TEST(wrong_checksum_is_refused_and_damage_is_repaired)
{
    small_set s;
    make_small_set(&s);
    s.sum_archive[0] = s.sum_archive[0] == 'f' ? '0' : 'f';
    CHECK_STATUS(wn__data_get(&s.as_archive, scratch_path("mirror"), scratch_path("data"), NULL, NULL), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "small.tar.gz: wrong checksum");
    CHECK(!wn__file_exists(scratch_path("data/small/a.bin")));
    make_small_set(&s);
    CHECK_OK(wn__data_get(&s.as_archive, scratch_path("mirror"), scratch_path("data"), NULL, NULL));
    CHECK_OK(wn__file_write(scratch_path("data/small/a.bin"), "damaged", 7));
    CHECK_OK(wn__data_get(&s.as_archive, scratch_path("mirror"), scratch_path("data"), NULL, NULL));
    CHECK_OK(wn__data_check_file(scratch_path("data/small/a.bin"), &s.files[0]));
}

/* ---- looking and checking through the public interface */

typedef struct seen_files {
    int files, found, checked, faults;
} seen_files;

static void count_file(void *user, const wn_data_file_state *f)
{
    seen_files *seen = user;
    seen->files++;
    seen->found += f->path != NULL;
    seen->checked += f->checked;
    seen->faults += f->fault != NULL;
}

TEST(missing_and_wrong_files_are_listed)
{
    seen_files seen = {0};
    CHECK_OK(wn__remove_tree(scratch_path("MNIST")));
    CHECK_OK(wn_data_list("mnist", scratch_folder, count_file, &seen));
    CHECK(seen.files == 4 && seen.found == 0 && seen.faults == 4);
    write_tiny_mnist("MNIST/raw");
    seen = (seen_files){0};
    CHECK_OK(wn_data_list("mnist", scratch_folder, count_file, &seen));
    CHECK(seen.files == 4 && seen.found == 4 && seen.checked == 0 && seen.faults == 0);
    seen = (seen_files){0};
    CHECK_STATUS(wn_data_verify("mnist", scratch_folder, count_file, &seen), WN_EFORMAT);
    CHECK(seen.files == 4 && seen.checked == 0 && seen.faults == 4);
    CHECK_HAS_TEXT(wn_error_message(), "3152 bytes unpacked, expected 47040016");
    CHECK_STATUS(wn_data_verify("no-such-set", scratch_folder, count_file, &seen), WN_EUSAGE);
}

/* ---- the real data sets */

/* Mean and deviation of the training images are the constants of the entry. */
static void check_statistics(const wn__dataset *d)
{
    const double tolerance = 0.00006; /* the constants have 4 digits */
    const int64_t plane = (int64_t)d->facts.sample.height * d->facts.sample.width;
    for (int c = 0; c < d->facts.sample.channels; c++) {
        int64_t sum = 0, squares = 0;
        for (int64_t i = 0; i < d->facts.train_count; i++) {
            const uint8_t *p = tiny_pixels(d, WN__PART_TRAIN, i, NULL) + c * plane;
            for (int64_t k = 0; k < plane; k++) {
                sum += p[k];
                squares += p[k] * p[k];
            }
        }
        const double n = (double)(d->facts.train_count * plane), mean = (double)sum / n / 255;
        CHECK_NEAR(d->type->mean[c], mean, tolerance, 0);
        CHECK_NEAR(d->type->std[c], sqrt((double)squares / n / (255.0 * 255.0) - mean * mean), tolerance, 0);
    }
}

static void check_complete_set(const char *name, const char *folder)
{
    wn__dataset d = {0};
    wn__pool *pool = NULL;
    CHECK_OK(wn__pool_new(2, &pool));
    CHECK_OK(wn__dataset_load(type_of(name), NULL, folder, pool, false, &d));
    wn__pool_free(pool);
    CHECK_EQ_INT(d.facts.train_count, d.type->facts.train_count);
    CHECK_EQ_INT(d.facts.test_count, d.type->facts.test_count);
    check_statistics(&d);
    char key[WN__SHA256_TEXT];
    CHECK_OK(wn__data_contents_key(d.type, &d.contents, key));
    CHECK_EQ_TEXT(key, ""); /* the published contents */
    wn__dataset_release(&d);
}

TEST(shapes_statistics_are_right) { check_complete_set("shapes", scratch_folder); }

/* The same images for any threads; settings change size and seed; test images are others. */
TEST(shapes_follow_their_settings_alone)
{
    const wn__dataset_type *type = type_of("shapes");
    wn__dataset a = {0}, b = {0}, other = {0};
    wn__pool *pool = NULL;
    char *config = wn__alloc(type->config_size);
    CHECK_OK(wn__pool_new(3, &pool));
    CHECK_OK(wn__settings_defaults(type->settings, config));
    CHECK_OK(wn__settings_set(type->settings, config, "train", "200"));
    CHECK_OK(wn__settings_set(type->settings, config, "test", "100"));
    CHECK_OK(wn__dataset_load(type, config, NULL, NULL, false, &a));
    CHECK_OK(wn__dataset_load(type, config, NULL, pool, false, &b));
    CHECK_OK(wn__settings_set(type->settings, config, "seed", "1"));
    CHECK_OK(wn__dataset_load(type, config, NULL, pool, false, &other));
    const size_t bytes = 100 * 3 * 32 * 32;
    const wn__memory_source *x = (wn__memory_source *)a.source, *y = (wn__memory_source *)b.source, *z = (wn__memory_source *)other.source;
    CHECK(a.facts.train_count == 200 && x->train.n == 200 && x->test.n == 100);
    CHECK(memcmp(x->train.inputs, y->train.inputs, 2 * bytes) == 0 && memcmp(x->test.inputs, y->test.inputs, bytes) == 0);
    CHECK(memcmp(x->train.targets, y->train.targets, 200 * sizeof(int32_t)) == 0);
    CHECK(memcmp(x->train.inputs, x->test.inputs, bytes) != 0 && memcmp(x->train.inputs, z->train.inputs, bytes) != 0);
    wn__dataset_release(&a);
    wn__dataset_release(&b);
    wn__dataset_release(&other);
    wn__pool_free(pool);
    wn__free(config);
}

TEST(real_sets_load_and_their_statistics_are_right)
{
    check_complete_set("mnist", real_data());
    check_complete_set("fashion-mnist", real_data());
    check_complete_set("cifar10", real_data());
}

TEST(real_sets_have_the_published_checksums)
{
    seen_files seen = {0};
    CHECK_OK(wn_data_verify("mnist", real_data(), count_file, &seen));
    CHECK_OK(wn_data_verify("fashion-mnist", real_data(), count_file, &seen));
    CHECK(seen.files == 8 && seen.checked == 8);
}

TEST(real_set_is_got_from_a_mirror_folder)
{
    char from[512];
    seen_files seen = {0};
    snprintf(from, sizeof(from), "%s/mnist", real_data());
    CHECK_OK(wn_data_get("mnist", from, scratch_path("got"), NULL, NULL));
    CHECK_OK(wn_data_verify("mnist", scratch_path("got"), count_file, &seen));
    CHECK_EQ_INT(seen.checked, 4);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(unknown_data_set_lists_the_valid_ones),
                                    RUN(every_entry_is_complete),
                                    RUN(data_folder_follows_argument_variable_and_xdg),
                                    RUN(idx_set_is_loaded_from_its_usual_folder),
                                    RUN(files_that_do_not_belong_together_are_refused),
                                    RUN(cifar_set_is_loaded_from_its_batches),
                                    RUN(cifar_s_python_version_holds_the_same_samples),
                                    RUN(cifar_100_s_python_version_gives_the_fine_label),
                                    RUN(pickles_that_are_no_batch_are_refused_and_run_nothing),
                                    RUN(other_contents_are_refused_unless_they_may_be_unverified),
                                    RUN(splits_are_ranges),
                                    RUN(impossible_splits_are_refused),
                                    RUN(normalisations_follow_their_formulas),
                                    RUN(per_image_normalisation_has_mean_0_and_deviation_1),
                                    RUN(contents_are_told_apart_byte_by_byte),
                                    RUN(archive_is_fetched_from_a_mirror_and_unpacked),
                                    RUN(folder_serves_as_a_mirror),
                                    RUN(folder_with_the_unpacked_files_serves_too),
                                    RUN(wrong_checksum_is_refused_and_damage_is_repaired),
                                    RUN(missing_and_wrong_files_are_listed),
                                    RUN(shapes_statistics_are_right),
                                    RUN(shapes_follow_their_settings_alone),
                                    RUN(real_sets_load_and_their_statistics_are_right),
                                    RUN(real_sets_have_the_published_checksums),
                                    RUN(real_set_is_got_from_a_mirror_folder),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
