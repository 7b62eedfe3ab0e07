/* Pictures of one's own train as a set in one file does: the same bytes of metrics.jsonl from PNG files as from CIFAR's binary records. */
#include "data/catalog.h"
#include "data/shapes.h"
#include "io/compressed.h"
#include "io/safetensors.h"
#include "scratch_folder.h"
#include "tiny_png.h"
#include "winnow/data.h"
#include "winnow/experiment.h"

enum { FILES = 5, RECORDS = 60, TESTED = 50, REAL_RECORDS = 400, PIXELS = 3 * 32 * 32 };

static const uint8_t *real; /* records of CIFAR-10; NULL: made ones are taken */

/* Record i of a file, as it stands in CIFAR's files; and its picture in a file, and its line. */
static void put_record(uint8_t *record, uint64_t number, const char *kind, wn__text *list)
{
    int label;
    char name[64], path[600];
    if (real)
        memcpy(record, real + number * (PIXELS + 1), PIXELS + 1);
    else
        wn__shapes_image(3, number, record + 1, &label);
    if (!real) record[0] = (uint8_t)label;
    label = record[0];
    snprintf(name, sizeof name, "%s/%d/%05d.png", kind, label, (int)number);
    snprintf(path, sizeof path, "%s/%s", scratch_path("png"), name);
    *strrchr(path, '/') = 0;
    CHECK_OK(wn__make_folders(path));
    path[strlen(path)] = '/';
    tiny_png_planes(path, 32, 32, record + 1);
    wn__text_add(list, "%s %d\n", name, label);
}

static void put_file(const char *name, uint64_t first, int count, const char *kind, wn__text *list)
{
    static uint8_t records[REAL_RECORDS * (PIXELS + 1)];
    for (int i = 0; i < count; i++)
        put_record(records + i * (PIXELS + 1), first + (uint64_t)i, kind, list);
    char path[100];
    snprintf(path, sizeof path, "data/cifar-10/%s", name);
    CHECK_OK(wn__file_write(scratch_path(path), records, (size_t)count * (PIXELS + 1)));
}

static void make_both(const char *folder)
{
    (void)folder;
    wn__text train = {0}, test = {0};
    const int count = real ? REAL_RECORDS : RECORDS;
    CHECK_OK(wn__make_folders(scratch_path("data/cifar-10")));
    for (int f = 0; f < FILES; f++) {
        char name[40];
        snprintf(name, sizeof name, "data_batch_%d.bin", f + 1);
        put_file(name, (uint64_t)(f * count), count, "train", &train);
    }
    put_file("test_batch.bin", 5000, TESTED, "val", &test);
    CHECK_OK(wn__file_write(scratch_path("png/train.txt"), train.data, train.size));
    CHECK_OK(wn__file_write(scratch_path("png/test.txt"), test.data, test.size));
    wn__text_release(&train);
    wn__text_release(&test);
}

static const char *train(const char *name, const char *const *own)
{
    const char *set[20] = {"model.arch=lenet5", "data.normalize=cifar10", "data.augment=[pad-crop-4, flip]", "train.epochs=2",
                           "train.batch=16"};
    int sets = 5;
    for (; *own; own++)
        set[sets++] = *own;
    const wn_run_options options = {.size = sizeof options, .set = set, .sets = sets, .data_folder = scratch_path("data"), .threads = 2};
    wn_train_summary summary;
    CHECK_OK(wn_train(&options, 1, scratch_path(name), &summary));
    return scratch_path(name);
}

static const char *setting(const char *key, const char *file)
{
    static char text[4][700];
    static int turn;
    char *out = text[turn++ % 4];
    snprintf(out, sizeof text[0], "%s=\"%s\"", key, scratch_path(file));
    return out;
}

/* The folder of the list's training. */
static const char *compare_metrics(const char *name)
{
    char binary_name[40];
    snprintf(binary_name, sizeof binary_name, "%s-binary", name);
    const char *binary = train(binary_name, (const char *const[]){"data.set=cifar10", "data.unverified=true", "data.validation=first-40",
                                                                  "data.train_size=256", NULL});
    const char *list =
        train(name, (const char *const[]){"data.set=list", setting("data.train", "png/train.txt"), setting("data.test", "png/test.txt"),
                                          "data.size=32", "data.validation=first-40", "data.train_size=256", NULL});
    check_same_file(binary, list, "metrics.jsonl");
    return list;
}

/* ---- the same samples, wherever they stand */

typedef struct sample_set {
    uint64_t *hash; /* (count) sorted */
    int64_t count;
} sample_set;

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* FNV-1a of the label and the pixels. */
static uint64_t hash_of(const uint8_t *pixels, int32_t label)
{
    uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)label;
    for (int i = 0; i < PIXELS; i++)
        h = (h ^ pixels[i]) * 0x100000001b3u;
    return h;
}

static sample_set samples_of(const char *set, const char *key, const char *path, const char *folder, wn__part part)
{
    const wn__dataset_type *type;
    wn__dataset data;
    wn__scratch scratch = {0};
    CHECK_OK(wn__dataset_find(set, &type));
    void *config = type->settings ? calloc(1, type->config_size) : NULL;
    if (config) CHECK_OK(wn__settings_defaults(type->settings, config));
    if (config) CHECK_OK(wn__settings_set(type->settings, config, key, path));
    CHECK_OK(wn__dataset_load(type, config, folder, NULL, true, &data));
    sample_set s = {calloc((size_t)wn__source_count(data.source, part), 8), wn__source_count(data.source, part)};
    for (int64_t i = 0; i < s.count; i++) {
        wn__sample_input input;
        int32_t label;
        CHECK_OK(wn__source_read(data.source, "test", part, i, &scratch, &input, &label));
        s.hash[i] = hash_of(input.data, label);
    }
    qsort(s.hash, (size_t)s.count, sizeof *s.hash, by_value);
    wn__scratch_release(&scratch);
    wn__dataset_release(&data);
    free(config);
    return s;
}

static void check_same_samples(void)
{
    for (int part = 0; part < 2; part++) {
        const wn__part p = part ? WN__PART_TEST : WN__PART_TRAIN;
        sample_set binary = samples_of("cifar10", NULL, NULL, scratch_path("data"), p),
                   folder = samples_of("folder", "path", scratch_path("png"), NULL, p);
        CHECK(binary.count == folder.count && memcmp(binary.hash, folder.hash, (size_t)binary.count * 8) == 0);
        free(binary.hash);
        free(folder.hash);
    }
}

TEST(pictures_of_cifar_10_are_the_binary_set)
{
#ifndef WN_HAVE_PNG
    SKIP("this build reads no PNG");
#endif
    const char *data = getenv("WINNOW_DATA");
    char path[600], *bytes;
    size_t size;
    if (!data || !*data) SKIP("WINNOW_DATA is not set");
    snprintf(path, sizeof path, "%s/cifar-10/test_batch.bin.xz", data);
    if (!wn__file_exists(path)) SKIP("WINNOW_DATA has no cifar-10/test_batch.bin.xz");
    CHECK_OK(wn__read_unpacked(path, 30730000, &bytes, &size));
    CHECK(size == 30730000);
    real = (const uint8_t *)bytes;
    CHECK_OK(wn__remove_tree(scratch_path("data"))); /* of other tests, which make theirs anew */
    CHECK_OK(wn__remove_tree(scratch_path("png")));
    CHECK_OK(wn__remove_tree(scratch_path("undisturbed.complete")));
    make_both(NULL);
    compare_metrics("real");
    check_same_samples();
    wn__free(bytes);
}

TEST(a_list_of_png_files_trains_to_the_bytes_of_the_binary_set)
{
#ifndef WN_HAVE_PNG
    SKIP("this build reads no PNG");
#endif
    scratch_undisturbed(make_both);
    const char *list = compare_metrics("list");
    char weights[700];
    snprintf(weights, sizeof weights, "%s/final.safetensors", list);
    wn_evaluation evaluation;
    wn_eval_options eval = {
        .size = sizeof eval, .weights = weights, .data = scratch_path("png/test.txt")}; /* the same set: its size stays */
    CHECK_OK(wn_eval(&eval, &evaluation));
    CHECK_EQ_INT(evaluation.count, TESTED / 10); /* test_share of this list alone */
    wn_evaluation_release(&evaluation);
    eval.data = scratch_path("png"); /* another one: of the network's size */
    CHECK_OK(wn_eval(&eval, &evaluation));
    CHECK_EQ_INT(evaluation.count, TESTED);
    wn_evaluation_release(&evaluation);
    CHECK(rename(scratch_path("png/train.txt"), scratch_path("png/gone.txt")) == 0);
    eval.data = NULL; /* the files that the weights name are gone */
    const wn_status status = wn_eval(&eval, &evaluation);
    CHECK(rename(scratch_path("png/gone.txt"), scratch_path("png/train.txt")) == 0);
    CHECK_STATUS(status, WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "its data set \"list\" is not here: give --data PATH");
}

/* Where a tree lies changes no byte of metrics, and the same pictures split by names train as themselves. */
TEST(a_folder_trains_as_the_list_of_its_files)
{
#ifndef WN_HAVE_PNG
    SKIP("this build reads no PNG");
#endif
    scratch_undisturbed(make_both);
    check_same_samples();
    const char *folder =
        train("folder", (const char *const[]){"data.set=folder", setting("data.path", "png"), "data.size=32", "data.cache=0.1", NULL});
    CHECK(rename(scratch_path("png"), scratch_path("moved")) == 0);
    const char *moved = train("again", (const char *const[]){"data.set=folder", setting("data.path", "moved"), "data.size=32", NULL});
    CHECK(rename(scratch_path("moved"), scratch_path("png")) == 0);
    check_same_file(folder, moved, "metrics.jsonl");
}

/* ---- transforms */

typedef struct cut {
    wn_stop *stop;
    int64_t at; /* the step to be stopped at; 0: none */
} cut;

static void stop_at(void *user, const wn_progress *p)
{
    const cut *c = user;
    if (c->at > 0 && p->step == c->at) wn_stop_request(c->stop);
}

static wn_status train_changed(const char *name, int threads, int64_t at)
{
    const char *set[] = {"model.arch=lenet5",
                         "data.set=folder",
                         setting("data.path", "png"),
                         "data.augment=[{random-resized-crop: {size: 28, scale: [0.4, 1]}}, flip, {color-jitter: {hue: 0.1}}, randaugment, "
                         "random-erasing, mixup, cutmix]",
                         "data.evaluate=[{resize: 30}, {center-crop: 28}]",
                         "train.epochs=2",
                         "train.batch=16"};
    cut c = {.at = at};
    CHECK((c.stop = wn_stop_new()) != NULL);
    const wn_run_options options = {.size = sizeof options,
                                    .set = set,
                                    .sets = 7,
                                    .data_folder = scratch_path("data"),
                                    .threads = threads,
                                    .progress = stop_at,
                                    .user = &c,
                                    .stop = c.stop};
    wn_train_summary summary;
    const wn_status status = wn_train(&options, 1, scratch_path(name), &summary);
    wn_stop_free(c.stop);
    return status;
}

TEST(transforms_give_the_same_bytes_for_any_threads_and_after_a_stop)
{
#ifndef WN_HAVE_PNG
    SKIP("this build reads no PNG");
#endif
    scratch_undisturbed(make_both);
    CHECK_OK(train_changed("one", 1, 0));
    CHECK_OK(train_changed("three", 3, 0));
    CHECK_STATUS(train_changed("cut", 2, 21), WN_ESTOPPED);
    CHECK_OK(train_changed("cut", 2, 0));
    char one[700], other[700], weights[800];
    snprintf(one, sizeof one, "%s", scratch_path("one"));
    for (int i = 0; i < 2; i++) {
        snprintf(other, sizeof other, "%s", scratch_path(i ? "cut" : "three"));
        check_same_file(one, other, "metrics.jsonl");
        check_same_file(one, other, "final.safetensors");
    }
    /* Weights say how pictures become inputs: evaluation takes them so. */
    wn_evaluation evaluation;
    snprintf(weights, sizeof weights, "%s/final.safetensors", one);
    const wn_eval_options eval = {.size = sizeof eval, .weights = weights, .data = scratch_path("png/test.txt")};
    CHECK_OK(wn_eval(&eval, &evaluation));
    CHECK_EQ_INT(evaluation.count, TESTED / 10);
    wn_evaluation_release(&evaluation);
}

/* The same weights without a recipe and a set, as other programs might have them. */
static void copy_bare(const char *from, const char *to)
{
    wn__safetensors *file;
    wn__st_writer *w;
    CHECK_OK(wn__safetensors_open(from, &file));
    CHECK_OK(wn__st_writer_new(&w));
    for (int i = 0; i < wn__safetensors_count(file); i++) {
        const wn__st_tensor *t = wn__safetensors_at(file, i);
        CHECK_OK(wn__st_writer_add(w, t->name, t->dtype, t->ndim, t->dim, t->data));
    }
    static const char *const kept[] = {"arch", "input", "classes", "mean", "std", "evaluate"};
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (wn__safetensors_meta(file, kept[i])) CHECK_OK(wn__st_writer_meta(w, kept[i], wn__safetensors_meta(file, kept[i])));
    CHECK_OK(wn__st_writer_write(w, to));
    wn__st_writer_free(w);
    wn__safetensors_close(file);
}

static double loss_on_folder(const char *weights)
{
    wn_evaluation evaluation;
    const wn_eval_options eval = {.size = sizeof eval, .weights = weights, .data = scratch_path("png")};
    CHECK_OK(wn_eval(&eval, &evaluation));
    const double loss = evaluation.loss;
    CHECK_EQ_INT(evaluation.count, TESTED);
    wn_evaluation_release(&evaluation);
    return loss;
}

TEST(weights_are_evaluated_as_they_say)
{
#ifndef WN_HAVE_PNG
    SKIP("this build reads no PNG");
#endif
    static const char *const lists[] = {"data.evaluate=[{resize: 40}, {center-crop: 32}]",
                                        "data.evaluate=[{normalize: {mean: 0.3, std: 0.5}}]",
                                        "data.evaluate=[{resize: 40}, {center-crop: 32}, {normalize: {mean: 0.3, std: 0.5}}]"};
    scratch_undisturbed(make_both);
    double losses[3];
    for (int i = 0; i < 3; i++) {
        const char *folder = train("says", (const char *const[]){"data.set=folder", setting("data.path", "png"), "data.size=32",
                                                                 "train.steps=4", "train.epochs=0", lists[i], NULL});
        char whole[700], bare[700];
        snprintf(whole, sizeof whole, "%s/final.safetensors", folder);
        snprintf(bare, sizeof bare, "%s/bare.safetensors", folder);
        copy_bare(whole, bare);
        losses[i] = loss_on_folder(whole);
        CHECK(losses[i] == loss_on_folder(bare));
        scratch_fresh("says");
    }
    CHECK(losses[0] != losses[1] && losses[1] != losses[2] && losses[0] != losses[2]);
}

static void count_class(void *user, const wn_data_class *item)
{
    int64_t *sums = user;
    sums[0] += item->train;
    sums[1] += item->test;
    sums[2]++;
}

TEST(folders_are_looked_at_and_checked)
{
#ifndef WN_HAVE_PNG
    SKIP("this build reads no PNG");
#endif
    scratch_undisturbed(make_both);
    wn_data_summary s;
    int64_t sums[3] = {0};
    CHECK_OK(wn_data_look(scratch_path("png"), NULL, 0, &s, count_class, sums));
    CHECK_EQ_TEXT(s.set, "folder");
    CHECK(s.train_count == FILES * RECORDS && s.test_count == TESTED && s.classes == sums[2] && s.target == WN_TARGET_CLASS);
    CHECK(sums[0] == s.train_count && sums[1] == s.test_count);
    CHECK_OK(wn_data_check(scratch_path("png/train.txt"), NULL, 0, NULL, NULL));
    CHECK_STATUS(wn_data_look(scratch_path("nowhere"), NULL, 0, &s, NULL, NULL), WN_ENOTFOUND);
}

/* ---- real files */

static const char *real_folder(const char *name)
{
    static char path[600];
    const char *data = getenv("WINNOW_DATA");
    if (!data || !*data) SKIP("WINNOW_DATA is not set");
    snprintf(path, sizeof path, "%s/%s", data, name);
    if (!wn__folder_exists(path)) SKIP("WINNOW_DATA has no such folder");
    return path;
}

/* The GIF among them is no picture by its name, nor is the file "ant": both are passed over, all others are read. */
TEST(photographs_of_ants_and_bees_are_a_set)
{
#ifndef WN_HAVE_JPEG
    SKIP("this build reads no JPEG");
#endif
    wn_data_summary s;
    const char *path = real_folder("hymenoptera");
    CHECK_OK(wn_data_look(path, NULL, 0, &s, NULL, NULL));
    CHECK(s.train_count == 181 && s.test_count == 80 && s.classes == 2 && s.passed_over == 2);
    CHECK_OK(wn_data_check(path, NULL, 0, NULL, NULL));
}

TEST(the_sample_of_imagenet_is_read_whole)
{
#ifndef WN_HAVE_JPEG
    SKIP("this build reads no JPEG");
#endif
    wn_data_summary s;
    const char *path = real_folder("imagenet-sample"), *const turned[] = {"upright=true"};
    CHECK_OK(wn_data_look(path, NULL, 0, &s, NULL, NULL));
    CHECK(s.train_count == 180 && s.test_count == 20 && s.classes == 200 && s.passed_over == 0);
    CHECK_OK(wn_data_check(path, NULL, 0, NULL, NULL));
    CHECK_OK(wn_data_check(path, turned, 1, NULL, NULL));
}

/* CMYK, YCCK, RGB, progressive, gray, restart markers: each is a picture as any other, in colours and gray. */
TEST(odd_jpeg_files_may_be_listed)
{
#ifndef WN_HAVE_JPEG
    SKIP("this build reads no JPEG");
#endif
    static const char *const names[] = {"jpg-cmyk-1.jpg",        "jpg-cmyk-2.jpg",      "ycck.jpg",    "rgb.jpg",
                                        "tower_progressive.jpg", "tower_grayscale.jpg", "restarts.jpg"};
    wn__text list = {0};
    char setting_of_path[700];
    snprintf(setting_of_path, sizeof setting_of_path, "path=%s", real_folder("jpeg-variants"));
    for (int i = 0; i < 7; i++)
        wn__text_add(&list, "%s %d\n", names[i], i % 2);
    CHECK_OK(wn__file_write(scratch_path("odd.txt"), list.data, list.size));
    wn__text_release(&list);
    wn_data_summary s;
    const char *const colours[] = {setting_of_path, "test_share=2"}, *const gray[] = {setting_of_path, "test_share=2", "channels=1"};
    CHECK_OK(wn_data_look(scratch_path("odd.txt"), colours, 2, &s, NULL, NULL));
    CHECK(s.train_count == 5 && s.test_count == 2);
    CHECK_OK(wn_data_check(scratch_path("odd.txt"), colours, 2, NULL, NULL));
    CHECK_OK(wn_data_check(scratch_path("odd.txt"), gray, 3, NULL, NULL));
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(a_list_of_png_files_trains_to_the_bytes_of_the_binary_set),
                                    RUN(a_folder_trains_as_the_list_of_its_files),
                                    RUN(transforms_give_the_same_bytes_for_any_threads_and_after_a_stop),
                                    RUN(weights_are_evaluated_as_they_say),
                                    RUN(folders_are_looked_at_and_checked),
                                    RUN(pictures_of_cifar_10_are_the_binary_set),
                                    RUN(photographs_of_ants_and_bees_are_a_set),
                                    RUN(the_sample_of_imagenet_is_read_whole),
                                    RUN(odd_jpeg_files_may_be_listed),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
