/* Pictures of one's own: class folders, their parts and splits, keys, what is wrong with them. */
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/catalog.h"
#include "data/pictures.h"
#include "data/split_source.h"
#include "data/stratify.h"
#include "io/safetensors.h"
#include "scratch_folder.h"
#include "tiny_png.h"

#ifdef WN_HAVE_PNG
#define NEEDS_PNG
#else
#define NEEDS_PNG SKIP("this build reads no PNG")
#endif

/* ---- folders of 2 x 2 pictures, each of one colour */

static void put(const char *folder, const char *name, uint8_t red, int side)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", scratch_path(folder), name);
    *strrchr(path, '/') = 0;
    CHECK_OK(wn__make_folders(path));
    path[strlen(path)] = '/';
    tiny_png(path, side, side, (const uint8_t[3]){red, 20, 30});
}

static void put_class(const char *folder, const char *class, int count)
{
    char name[100];
    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "%s/%03d.png", class, i);
        put(folder, name, (uint8_t)i, 2);
    }
}

typedef struct opened {
    const wn__dataset_type *type;
    void *config;
    wn__dataset data;
} opened;

static wn_status open_set(const char *set, const char *folder, const char *const *settings, opened *o)
{
    CHECK_OK(wn__dataset_find(set, &o->type));
    CHECK((o->config = wn__alloc(o->type->config_size)) != NULL);
    CHECK_OK(wn__settings_defaults(o->type->settings, o->config));
    if (folder) CHECK_OK(wn__settings_set(o->type->settings, o->config, "path", folder));
    for (; settings && *settings; settings += 2)
        CHECK_OK(wn__settings_set(o->type->settings, o->config, settings[0], settings[1]));
    return wn__dataset_load(o->type, o->config, NULL, NULL, false, &o->data);
}

static opened open_folder(const char *folder, const char *const *settings)
{
    opened o = {0};
    CHECK_OK(open_set("folder", scratch_path(folder), settings, &o));
    return o;
}

static void close_set(opened *o)
{
    wn__dataset_release(&o->data);
    wn__free(o->config);
}

static void check_refused(const char *folder, const char *const *settings, wn_status status, const char *text)
{
    opened o = {0};
    CHECK_STATUS(open_set("folder", scratch_path(folder), settings, &o), status);
    CHECK_HAS_TEXT(wn_error_message(), text);
    wn__free(o.config);
}

static int32_t label_of(const wn__dataset *data, wn__part part, int64_t i)
{
    int32_t label;
    CHECK_OK(wn__source_read(data->source, "test", part, i, NULL, NULL, &label));
    return label;
}

static const char *name_of(const wn__dataset *data, wn__part part, int64_t i) { return data->source->name(data->source, part, i); }

/* ---- layouts */

TEST(classes_are_sorted_folders_and_a_validation_folder_tests)
{
    NEEDS_PNG;
    put_class("plain", "train/b", 3);
    put_class("plain", "train/a", 2);
    put_class("plain", "val/b", 1);
    put_class("plain", "train/.hidden", 1);
    put("plain", "train/a/deeper/still/x.png", 9, 2);
    CHECK_OK(wn__file_write(scratch_path("plain/train/a/notes.txt"), "no picture", 10));
    CHECK_OK(wn__file_write(scratch_path("plain/train/a/.x.png"), "hidden", 6));
    opened o = open_folder("plain", NULL);
    const wn__data_facts *f = &o.data.facts;
    CHECK(f->train_count == 6 && f->test_count == 1 && f->own_validation == 0 && f->by_class);
    CHECK_EQ_INT(f->sample.classes, 2);
    CHECK_EQ_TEXT(f->sample.class_names[0], "a");
    CHECK_EQ_TEXT(name_of(&o.data, WN__PART_TRAIN, 2), "train/a/deeper/still/x.png");
    CHECK_EQ_TEXT(name_of(&o.data, WN__PART_TRAIN, 3), "train/b/000.png");
    CHECK_EQ_TEXT(name_of(&o.data, WN__PART_TEST, 0), "val/b/000.png");
    CHECK(label_of(&o.data, WN__PART_TRAIN, 2) == 0 && label_of(&o.data, WN__PART_TRAIN, 3) == 1 &&
          label_of(&o.data, WN__PART_TEST, 0) == 1);
    wn__scratch scratch = {0};
    wn__sample_input input;
    int32_t label;
    CHECK_OK(wn__source_read(o.data.source, "test", WN__PART_TRAIN, 2, &scratch, &input, &label));
    const uint8_t *pixels = input.data;
    CHECK(input.height == 2 && input.width == 2 && pixels[0] == 9 && pixels[4] == 20 && pixels[8] == 30);
    wn__scratch_release(&scratch);
    close_set(&o);
}

TEST(all_three_parts_are_taken_as_they_are)
{
    put_class("three", "train/a", 20);
    put_class("three", "train/b", 20);
    put_class("three", "validation/a", 3);
    put_class("three", "validation/b", 4);
    put_class("three", "test/a", 5);
    opened o = open_folder("three", NULL);
    CHECK(o.data.facts.train_count == 47 && o.data.facts.own_validation == 7 && o.data.facts.test_count == 5);
    wn__split split;
    CHECK_OK(wn__dataset_split(&o.data, "auto", 0, &split));
    CHECK(split.train.first == 0 && split.train.count == 40 && split.validation.first == 40 && split.validation.count == 7);
    CHECK_OK(wn__dataset_split(&o.data, "25%", 0, &split)); /* of the training folder; validation/ is not used */
    CHECK(split.train.count == 30 && split.validation.first == 30 && split.validation.count == 10);
    close_set(&o);
}

/* ---- lists */

static void put_text(const char *name, const char *text) { CHECK_OK(wn__file_write(scratch_path(name), text, strlen(text))); }

static void check_list(const char *text, const char *const *more, wn_status status, const char *message)
{
    put_text("lists/bad.txt", text);
    opened o = {0};
    const char *settings[8] = {"train", scratch_path("lists/bad.txt"), "test_share", "1"};
    for (int i = 0; more && more[i]; i++)
        settings[4 + i] = more[i];
    CHECK_STATUS(open_set("list", NULL, settings, &o), status);
    CHECK_HAS_TEXT(wn_error_message(), message);
    wn__free(o.config);
}

TEST(lists_name_pictures_and_labels)
{
    put_class("lists", "some folder", 6);
    put_text("lists/train.txt", "some folder/000.png 1\n./some folder/001.png\t0\r\n\nsome folder/002.png  2\n");
    put_text("lists/test.txt", "some folder/003.png 2");
    put_text("lists/names.txt", "cat\ndog\nbird\n");
    put_text("lists/named.txt", "some folder/000.png dog\nsome folder/001.png cat\nsome folder/002.png 2\n");
    const char *const by_number[] = {"train", scratch_path("lists/train.txt"), "test", scratch_path("lists/test.txt"), NULL},
                      *const by_name[] = {"train",   scratch_path("lists/named.txt"), "test", scratch_path("lists/test.txt"),
                                          "classes", scratch_path("lists/names.txt"), NULL};
    for (int named = 0; named < 2; named++) {
        opened o = {0};
        CHECK_OK(open_set("list", NULL, named ? by_name : by_number, &o));
        CHECK(o.data.facts.train_count == 3 && o.data.facts.test_count == 1 && o.data.facts.sample.classes == 3);
        CHECK_EQ_TEXT(o.data.facts.sample.class_names[1], named ? "dog" : "1");
        CHECK_EQ_TEXT(name_of(&o.data, WN__PART_TRAIN, 1), "some folder/001.png");
        CHECK(label_of(&o.data, WN__PART_TRAIN, 0) == 1 && label_of(&o.data, WN__PART_TRAIN, 1) == 0 &&
              label_of(&o.data, WN__PART_TRAIN, 2) == 2);
        close_set(&o);
    }
}

TEST(lists_may_give_several_labels)
{
    put_class("lists", "s", 4);
    put_text("lists/several.txt", "s/000.png 0,2\ns/001.png 1\ns/002.png 2,1,0\ns/003.png 0\n");
    opened o = {0};
    CHECK_OK(open_set("list", NULL,
                      (const char *const[]){"train", scratch_path("lists/several.txt"), "target", "classes", "test_share", "1", NULL}, &o));
    CHECK(o.data.facts.sample.target == WN_TARGET_CLASSES && o.data.facts.sample.classes == 3);
    for (int64_t i = 0; i < 3; i++) {
        static const float wanted[4][3] = {{1, 0, 1}, {0, 1, 0}, {1, 1, 1}, {1, 0, 0}};
        float target[3];
        CHECK_OK(wn__source_read(o.data.source, "test", WN__PART_TRAIN, i, NULL, NULL, target));
        CHECK(memcmp(target, wanted[atoi(name_of(&o.data, WN__PART_TRAIN, i) + 2)], sizeof target) == 0);
    }
    close_set(&o);
}

TEST(lists_that_are_wrong_are_refused_by_line)
{
    put_class("lists", "s", 4);
    put_text("lists/two.txt", "cat\ndog\n");
    const char *const classes[] = {"classes", scratch_path("lists/two.txt"), NULL};
    check_list("s/000.png 0\ns/009.png 1\ns/008.png 1\n", NULL, WN_ENOTFOUND, "2 of 3 pictures are missing; the first: ");
    check_list("s/000.png 0\ns/009.png 1\n", NULL, WN_ENOTFOUND, "bad.txt:2: ");
    check_list("s/000.png 0\ns/001.png 2\n", classes, WN_EFORMAT, "bad.txt:2: label 2, must be 0 to 1");
    check_list("s/000.png cow\n", classes, WN_EFORMAT, "bad.txt:1: \"cow\" is no class");
    check_list("s/000.png 0,1\n", classes, WN_EFORMAT, "bad.txt:1: 2 labels, must be one");
    check_list("s/000.png\n", NULL, WN_EFORMAT, "bad.txt:1: \"s/000.png\": a path and a label are needed");
    check_list("/etc/x.png 0\n", NULL, WN_EUSAGE, "/etc/x.png does not lie in ");
    check_list("s/000.png 0\ns/001.png -1\n", NULL, WN_EFORMAT, "bad.txt: label -1, numbers of classes begin with 0");
    check_list("s/000.png 0,,1\n", NULL, WN_EFORMAT, "bad.txt:1: an empty label");
    put_text("lists/two.txt", "cat\ncat\n");
    check_list("s/000.png cat\n", classes, WN_EFORMAT, "two.txt: \"cat\" stands there twice");
    check_list("\n\n", NULL, WN_EFORMAT, "lists no pictures");
}

/* Names are sorted once, and each is a class once, however often and in which order lists have them. */
TEST(names_of_classes_are_sorted)
{
    put_class("lists", "s", 5);
    put_text("lists/sorted.txt", "s/000.png dog\ns/001.png ant\ns/002.png dog\ns/003.png 10\ns/004.png bee\n");
    opened o = {0};
    CHECK_OK(open_set("list", NULL,
                      (const char *const[]){"train", scratch_path("lists/sorted.txt"), "test", scratch_path("lists/sorted.txt"), NULL},
                      &o));
    CHECK_EQ_INT(o.data.facts.sample.classes, 4);
    static const char *const names[] = {"10", "ant", "bee", "dog"};
    static const int labels[] = {3, 1, 3, 0, 2};
    for (int i = 0; i < 4; i++)
        CHECK_EQ_TEXT(o.data.facts.sample.class_names[i], names[i]);
    for (int i = 0; i < 5; i++)
        CHECK(label_of(&o.data, WN__PART_TRAIN, i) == labels[i] && label_of(&o.data, WN__PART_TEST, i) == labels[i]);
    close_set(&o);
}

/* ---- ImageNet's layouts */

static void check_imagenet(const char *folder, int64_t tested, int32_t label)
{
    opened o = {0};
    CHECK_OK(open_set("imagenet", scratch_path(folder), NULL, &o));
    CHECK(o.data.facts.sample.classes == 2 && o.data.facts.train_count == 4 && o.data.facts.test_count == tested);
    CHECK_EQ_INT(label_of(&o.data, WN__PART_TEST, 0), label);
    close_set(&o);
}

TEST(imagenet_is_read_as_people_keep_it)
{
    put_class("in1", "train/n01440764", 2);
    put_class("in1", "train/n01443537", 2);
    put_class("in1", "val/n01443537", 1);
    check_imagenet("in1", 1, 1);
    put_class("in2", "ILSVRC/Data/CLS-LOC/train/n01440764", 2);
    put_class("in2", "ILSVRC/Data/CLS-LOC/train/n01443537", 2);
    put("in2", "ILSVRC/Data/CLS-LOC/val/ILSVRC2012_val_00000001.JPEG", 1, 2);
    put_text("in2/LOC_val_solution.csv", "ImageId,PredictionString\nILSVRC2012_val_00000002,n01440764 1 2 3 4\n"
                                         "ILSVRC2012_val_00000001,n01443537 85 1 499 272 n01443537 1 1 2 2\n");
    check_imagenet("in2", 1, 1);
    put_class("in3", "train/n01440764", 2);
    put_class("in3", "train/n01443537", 2);
    put("in3", "val/ILSVRC2012_val_00000001_n01443537.JPEG", 1, 2);
    put("in3", "val/ILSVRC2012_val_00000002_n01440764.JPEG", 1, 2);
    check_imagenet("in3", 2, 1);
    put("in3", "val/ILSVRC2012_val_00000000.JPEG", 1, 2);
    opened o = {0};
    CHECK_STATUS(open_set("imagenet", scratch_path("in3"), NULL, &o), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "the class of ILSVRC2012_val_00000000.JPEG is not known");
    wn__free(o.config);
}

/* ---- shards */

static void add_entry(wn__text *tar, char type, const char *name, const void *data, size_t size)
{
    char header[512] = {0};
    unsigned sum = 0;
    snprintf(header, 100, "%s", name);
    snprintf(header + 100, 8, "%07o", 0644);
    snprintf(header + 124, 12, "%011o", (unsigned)size);
    memcpy(header + 148, "        ", 8);
    header[156] = type;
    memcpy(header + 257, "ustar", 6);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
    wn__text_add_bytes(tar, header, 512);
    wn__text_add_bytes(tar, data, size);
    wn__text_add_bytes(tar, (const char[512]){0}, (512 - size % 512) % 512);
}

static void add_member(wn__text *tar, const char *name, const void *data, size_t size) { add_entry(tar, '0', name, data, size); }

/* The same, with a name of more than the header's 99 letters in front of it, as GNU's tar or as pax has it. */
static void add_named(wn__text *tar, bool pax, const char *name, const void *data, size_t size)
{
    char record[400];
    if (pax) {
        const int length = 3 + 1 + 5 + (int)strlen(name) + 1;
        snprintf(record, sizeof record, "20 comment=long ago\n%3d path=%s\n", length, name);
        CHECK(length >= 100);
        add_entry(tar, 'x', "PaxHeaders/x", record, strlen(record));
    } else {
        add_entry(tar, 'L', "././@LongLink", name, strlen(name) + 1);
    }
    add_member(tar, "cut", data, size);
}

/* Samples `first` on, in shards/`name`; a sample's class is its number modulo 3. */
static void put_shard(const char *name, int first, int count, const char *last_class)
{
    wn__text tar = {0};
    char member[64], path[100], *png;
    size_t size;
    CHECK_OK(wn__make_folders(scratch_path("shards")));
    for (int i = first; i < first + count; i++) {
        const uint8_t color[] = {(uint8_t)i, 0, 0};
        char class[8];
        tiny_png(scratch_path("shards/one.png"), 2, 2, color);
        CHECK_OK(wn__file_read(scratch_path("shards/one.png"), &png, &size));
        snprintf(member, sizeof member, "deep/%04d.PNG", i);
        add_member(&tar, member, png, size);
        snprintf(member, sizeof member, "deep/%04d.cls", i);
        snprintf(class, sizeof class, "%s",
                 last_class && i == first + count - 1 ? last_class
                 : i % 3 == 0                         ? "0"
                 : i % 3 == 1                         ? "1\n"
                                                      : "2");
        add_member(&tar, member, class, strlen(class));
        snprintf(member, sizeof member, "deep/%04d.json", i);
        add_member(&tar, member, "{\"label\": 2000000}", 18); /* .cls goes before it */
        wn__free(png);
    }
    wn__text_add_bytes(&tar, (const char[1024]){0}, 1024);
    snprintf(path, sizeof path, "shards/%s", name);
    CHECK_OK(wn__file_write(scratch_path(path), tar.data, tar.size));
    wn__text_release(&tar);
}

TEST(shards_are_read_where_they_lie)
{
    NEEDS_PNG;
    put_shard("train-08.tar", 0, 6, NULL);
    put_shard("train-09.tar", 6, 6, NULL);
    put_shard("train-10.tar", 12, 3, NULL);
    put_shard("val.tar", 20, 4, NULL);
    opened o = {0};
    const char *settings[] = {"test", scratch_path("shards/val.tar"), NULL};
    CHECK_OK(open_set("tar", scratch_path("shards/train-{08..10}.tar"), settings, &o));
    CHECK(o.data.facts.train_count == 15 && o.data.facts.test_count == 4 && o.data.facts.sample.classes == 3 && !o.data.facts.by_class);
    CHECK_EQ_TEXT(name_of(&o.data, WN__PART_TRAIN, 7), "train-09.tar/deep/0007.PNG");
    wn__scratch scratch = {0};
    wn__sample_input input;
    int32_t label;
    for (int i = 0; i < 15; i++) {
        CHECK_OK(wn__source_read(o.data.source, "test", WN__PART_TRAIN, i, &scratch, &input, &label));
        CHECK(label == i % 3 && *(const uint8_t *)input.data == i);
    }
    wn__scratch_release(&scratch);
    close_set(&o);
    opened bad = {0};
    put_shard("val.tar", 20, 4, "7");
    CHECK_STATUS(open_set("tar", scratch_path("shards/train-{08..10}.tar"), settings, &bad), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "class 7, but training classes end at 2");
    wn__free(bad.config);
    put_shard("val.tar", 20, 4, "cat");
    CHECK_STATUS(open_set("tar", scratch_path("shards/val.tar"), NULL, &bad), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "deep/0023.cls: \"cat\" is no class");
    wn__free(bad.config);
    CHECK(truncate(scratch_path("shards/train-10.tar"), 2000) == 0);
    CHECK_STATUS(open_set("tar", scratch_path("shards/train-{08..10}.tar"), NULL, &bad), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "train-10.tar: truncated");
    wn__free(bad.config);
}

/* Two samples whose names are one in their first hundred letters. */
TEST(long_names_in_shards_are_read)
{
    NEEDS_PNG;
    static const uint8_t color[] = {1, 2, 3};
    wn__text tar = {0};
    char *png, name[160];
    size_t size;
    opened o = {0};
    CHECK_OK(wn__make_folders(scratch_path("shards")));
    tiny_png(scratch_path("shards/one.png"), 2, 2, color);
    CHECK_OK(wn__file_read(scratch_path("shards/one.png"), &png, &size));
    for (int i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%0110d-%d.png", 0, i);
        add_named(&tar, i % 2, name, png, size);
        snprintf(name, sizeof name, "%0110d-%d.cls", 0, i);
        add_named(&tar, i % 2, name, i % 2 ? "1" : "0", 1);
    }
    wn__text_add_bytes(&tar, (const char[1024]){0}, 1024);
    CHECK_OK(wn__file_write(scratch_path("shards/long.tar"), tar.data, tar.size));
    const char *settings[] = {"test", scratch_path("shards/long.tar"), NULL};
    CHECK_OK(open_set("tar", scratch_path("shards/long.tar"), settings, &o));
    CHECK(o.data.facts.train_count == 4 && o.data.facts.sample.classes == 2);
    snprintf(name, sizeof name, "long.tar/%0110d-3.png", 0);
    CHECK_EQ_TEXT(name_of(&o.data, WN__PART_TRAIN, 3), name);
    close_set(&o);
    wn__free(png);
    wn__text_release(&tar);
}

/* ---- arrays and IDX files */

static void put_tensors(const char *name, const uint8_t *x, const int64_t *x_dim, int x_dims, wn__st_dtype kind, const void *y,
                        const int64_t *y_dim, int y_dims)
{
    wn__st_writer *w;
    CHECK_OK(wn__st_writer_new(&w));
    CHECK_OK(wn__st_writer_add(w, "x", WN__ST_U8, x_dims, x_dim, x));
    CHECK_OK(wn__st_writer_add(w, "y", kind, y_dims, y_dim, y));
    CHECK_OK(wn__st_writer_write(w, scratch_path(name)));
    wn__st_writer_free(w);
}

TEST(arrays_are_pictures_with_classes_several_classes_or_values)
{
    enum { N = 10 };
    uint8_t x[N * 2 * 2 * 3];
    int64_t class[N];
    uint8_t several[N][3] = {{0}};
    float value[N];
    for (int i = 0; i < N * 12; i++)
        x[i] = (uint8_t)i;
    for (int i = 0; i < N; i++) {
        class[i] = i % 2;
        several[i][i % 3] = 1;
        value[i] = (float)i / 4;
    }
    const int64_t last[] = {N, 2, 2, 3}, one[] = {N}, three[] = {N, 3};
    put_tensors("classes.safetensors", x, last, 4, WN__ST_I64, class, one, 1);
    put_tensors("several.safetensors", x, last, 4, WN__ST_U8, several, three, 2);
    put_tensors("values.safetensors", x, last, 4, WN__ST_F32, value, one, 1);
    static const wn_target_kind kinds[] = {WN_TARGET_CLASS, WN_TARGET_CLASSES, WN_TARGET_VALUES};
    static const char *const files[] = {"classes.safetensors", "several.safetensors", "values.safetensors"};
    for (int k = 0; k < 3; k++) {
        opened o = {0};
        CHECK_OK(open_set("arrays", scratch_path(files[k]), (const char *const[]){"test_share", "2", NULL}, &o));
        const wn__sample_spec *s = &o.data.facts.sample;
        CHECK(s->target == kinds[k] && s->input == WN_INPUT_PIXELS && s->channels == 3 && s->height == 2 && s->width == 2);
        CHECK(s->classes == (k == 0 ? 2 : k == 1 ? 3 : 1) && o.data.facts.train_count == 8 && o.data.facts.test_count == 2);
        wn__scratch scratch = {0};
        wn__sample_input input;
        union {
            float value[3];
            int32_t class;
        } target;
        CHECK_OK(wn__source_read(o.data.source, "test", WN__PART_TRAIN, 3, &scratch, &input, &target));
        const uint8_t *p = input.data;
        CHECK(p[1] == p[0] + 3 && p[2] == p[0] + 6 && p[4] == p[0] + 1 && p[8] == p[0] + 2 && p[0] % 12 == 0);
        const int sample = p[0] / 12;
        if (k == 0) CHECK_EQ_INT(target.class, sample % 2);
        if (k == 1) CHECK(target.value[sample % 3] == 1 && target.value[(sample + 1) % 3] == 0);
        if (k == 2) CHECK(target.value[0] == (float)sample / 4);
        close_set(&o);
    }
    class[3] = -1;
    put_tensors("bad.safetensors", x, last, 4, WN__ST_I64, class, one, 1);
    opened o = {0};
    CHECK_STATUS(open_set("arrays", scratch_path("bad.safetensors"), NULL, &o), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "sample 3 has target -1, must be 0 to ");
    wn__free(o.config);
}

/* A .npy file of version 1. */
static void put_npy(const char *name, const char *type, const char *shape, const void *data, size_t size)
{
    wn__text t = {0};
    char header[118];
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", type, shape);
    wn__text_add_bytes(&t, "\x93NUMPY\x01\x00\x76\x00", 10);
    wn__text_add(&t, "%-117s\n", header);
    wn__text_add_bytes(&t, data, size);
    CHECK_OK(wn__file_write(scratch_path(name), t.data, t.size));
    wn__text_release(&t);
}

TEST(arrays_lie_in_npy_files_too)
{
    static const uint16_t x[8] = {0, 0x3c00, 0x4000, 0xc000, 0x3800, 0x7bff, 0x0001, 0}; /* 0, 1, 2, -2, 0.5, 65504, 2^-24, 0 */
    static const int32_t y[4] = {0, 1, 1, 0};
    put_npy("x.npy", "<f2", "(4, 2)", x, sizeof x);
    put_npy("y.npy", "<i4", "(4,)", y, sizeof y);
    const char *settings[] = {
        "targets", scratch_path("y.npy"), "test", scratch_path("x.npy"), "test_targets", scratch_path("y.npy"), "mean", "1, 2", "std", "2",
        NULL};
    opened o = {0};
    CHECK_OK(open_set("arrays", scratch_path("x.npy"), settings, &o));
    static const float wanted[4][2] = {{-0.5f, -0.5f}, {0.5f, -2}, {-0.25f, 32751}, {(0x1p-24f - 1) / 2, -1}};
    for (int64_t i = 0; i < 4; i++) {
        wn__sample_input input;
        int32_t label;
        CHECK_OK(wn__source_read(o.data.source, "test", WN__PART_TEST, i, NULL, &input, &label));
        CHECK(memcmp(input.data, wanted[i], sizeof wanted[i]) == 0 && label == y[i]);
    }
    close_set(&o);
    settings[7] = "1, 2, 3";
    CHECK_STATUS(open_set("arrays", scratch_path("x.npy"), settings, &o), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "mean: 3 numbers, must be 1 or 2");
    wn__free(o.config);
    CHECK_STATUS(open_set("arrays", scratch_path("x.npy"), NULL, &o), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "x.npy: holds one array; data.targets");
    wn__free(o.config);
    CHECK(truncate(scratch_path("x.npy"), 140) == 0);
    CHECK_STATUS(open_set("arrays", scratch_path("x.npy"), settings, &o), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "x.npy: has 12 bytes of elements, its shape wants 16");
    wn__free(o.config);
}

/* By channel, of the samples that do not test: 0, 1, 2, 5 and three times 4. */
TEST(moments_of_floats_are_computed_from_the_training_samples)
{
    static const float x[5][2] = {{0, 4}, {1, 4}, {2, 4}, {5, 4}, {100, 100}};
    static const int32_t y[5] = {0, 1, 1, 0, 1};
    put_npy("x.npy", "<f4", "(5, 2)", x, sizeof x);
    put_npy("y.npy", "<i4", "(5,)", y, sizeof y);
    put_npy("x4.npy", "<f4", "(4, 2)", x, 4 * sizeof x[0]);
    put_npy("y4.npy", "<i4", "(4,)", y, 4 * sizeof y[0]);
    opened o = {0};
    const char *settings[] = {"targets",
                              scratch_path("y4.npy"),
                              "test",
                              scratch_path("x.npy"),
                              "test_targets",
                              scratch_path("y.npy"),
                              "mean",
                              "computed",
                              "std",
                              "computed",
                              NULL};
    CHECK_OK(open_set("arrays", scratch_path("x4.npy"), settings, &o));
    const double deviation = sqrt((4.0 + 1 + 0 + 9) / 4);
    for (int64_t i = 0; i < 5; i++) {
        wn__sample_input input;
        int32_t label;
        CHECK_OK(wn__source_read(o.data.source, "test", WN__PART_TEST, i, NULL, &input, &label));
        const float *got = input.data;
        CHECK_NEAR((double)got[0], ((double)x[i][0] - 2) / deviation, 1e-5, 0);
        CHECK_NEAR((double)got[1], (double)x[i][1] - 4, 0, 0); /* it does not vary */
    }
    close_set(&o);
    const char *cut[] = {"targets", scratch_path("y.npy"), "test_share", "1", "mean", "computed", NULL}; /* what tests does not count */
    CHECK_OK(open_set("arrays", scratch_path("x.npy"), cut, &o));
    double sum = 0;
    for (int64_t i = 0; i < 4; i++) {
        wn__sample_input input;
        int32_t label;
        CHECK_OK(wn__source_read(o.data.source, "test", WN__PART_TRAIN, i, NULL, &input, &label));
        sum += (double)*(const float *)input.data;
    }
    CHECK_NEAR(sum, 0, 1e-4, 0);
    close_set(&o);
}

static void check_own_validation(const char *set, const char *path, const char *const *settings, int32_t label)
{
    opened o = {0};
    wn__split split;
    CHECK_OK(open_set(set, path, settings, &o));
    const wn__data_facts *f = &o.data.facts;
    CHECK(f->own_validation == 4 && f->train_count == 10 && f->test_count == 2);
    CHECK_OK(wn__dataset_split(&o.data, "auto", 0, &split));
    CHECK(split.train.count == 6 && split.validation.first == 6 && split.validation.count == 4);
    CHECK_EQ_INT(label_of(&o.data, WN__PART_TRAIN, 6), label);
    close_set(&o);
}

TEST(validation_samples_may_be_of_their_own)
{
    static const uint8_t x[6 * 4] = {0};
    static const int64_t y[6] = {0, 1, 2, 0, 1, 2}, v[4] = {2, 1, 2, 0}, six[] = {6, 2, 2}, four[] = {4, 2, 2};
    put_tensors("own.safetensors", x, six, 3, WN__ST_I64, y, six, 1);
    put_tensors("val.safetensors", x, four, 3, WN__ST_I64, v, four, 1);
    put_tensors("two.safetensors", x, (const int64_t[]){2, 2, 2}, 3, WN__ST_I64, y, (const int64_t[]){2}, 1);
    check_own_validation("arrays", scratch_path("own.safetensors"),
                         (const char *const[]){"val", scratch_path("val.safetensors"), "test", scratch_path("two.safetensors"), NULL}, 2);
    put_class("lists", "own", 12);
    put_text("lists/train.txt", "own/000.png a\nown/001.png b\nown/002.png c\nown/003.png a\nown/004.png b\nown/005.png c\n");
    put_text("lists/val.txt", "own/006.png c\nown/007.png b\nown/008.png c\nown/009.png a\n");
    put_text("lists/test.txt", "own/010.png c\nown/011.png b\n");
    check_own_validation("list", NULL,
                         (const char *const[]){"train", scratch_path("lists/train.txt"), "val", scratch_path("lists/val.txt"), "test",
                                               scratch_path("lists/test.txt"), NULL},
                         2);
    put_shard("own-0.tar", 0, 6, NULL);
    put_shard("own-1.tar", 8, 4, NULL);
    put_shard("own-2.tar", 12, 2, NULL);
    check_own_validation("tar", scratch_path("shards/own-0.tar"),
                         (const char *const[]){"val", scratch_path("shards/own-1.tar"), "test", scratch_path("shards/own-2.tar"), NULL}, 2);
}

TEST(any_four_idx_files_are_a_set)
{
    static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6},
                         labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 0, 4, 2}, few[] = {0, 0, 8, 1, 0, 0, 0, 3, 0, 5, 2};
    CHECK_OK(wn__file_write(scratch_path("i.idx"), images, sizeof images));
    CHECK_OK(wn__file_write(scratch_path("l.idx"), labels, sizeof labels));
    CHECK_OK(wn__file_write(scratch_path("beyond.idx"), few, sizeof few));
    const char *settings[] = {"images",      scratch_path("i.idx"), "labels", scratch_path("l.idx"), "test_images", scratch_path("i.idx"),
                              "test_labels", scratch_path("l.idx"), NULL};
    opened o = {0};
    CHECK_OK(open_set("idx", NULL, settings, &o));
    CHECK(o.data.facts.sample.classes == 5 && o.data.facts.sample.width == 2 && o.data.facts.train_count == 3);
    CHECK_EQ_INT(label_of(&o.data, WN__PART_TRAIN, 1), 4);
    close_set(&o);
    settings[7] = scratch_path("beyond.idx");
    opened bad = {0};
    CHECK_STATUS(open_set("idx", NULL, settings, &bad), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "label 5, but training labels end at 4");
    wn__free(bad.config);
}

/* Labels alone tell whether samples stand by class; a class twice in the middle of others is none. */
TEST(sorted_labels_are_noticed)
{
    static const uint8_t x[6 * 4] = {0};
    static const int64_t y[3][6] = {{0, 0, 1, 1, 2, 2}, {2, 2, 0, 1, 1, 1}, {0, 1, 2, 0, 1, 2}}, six[] = {6, 2, 2};
    for (int k = 0; k < 3; k++) {
        opened o = {0};
        wn__split split;
        put_tensors("sorted.safetensors", x, six, 3, WN__ST_I64, y[k], six, 1);
        CHECK_OK(open_set("arrays", scratch_path("sorted.safetensors"), (const char *const[]){"test_share", "1", NULL}, &o));
        CHECK(o.data.facts.by_class == (k < 2));
        CHECK_STATUS(wn__dataset_split(&o.data, "last-2", 0, &split), k < 2 ? WN_EUSAGE : WN_OK);
        close_set(&o);
    }
    static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6},
                         labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 1, 1, 0};
    CHECK_OK(wn__file_write(scratch_path("i.idx"), images, sizeof images));
    CHECK_OK(wn__file_write(scratch_path("s.idx"), labels, sizeof labels));
    opened o = {0};
    CHECK_OK(open_set("idx", NULL,
                      (const char *const[]){"images", scratch_path("i.idx"), "labels", scratch_path("s.idx"), "test_images",
                                            scratch_path("i.idx"), "test_labels", scratch_path("s.idx"), NULL},
                      &o));
    CHECK(o.data.facts.by_class);
    close_set(&o);
}

/* ---- splits */

static void count_classes(const wn__dataset *data, wn__part part, wn__range range, int64_t *count)
{
    count[0] = count[1] = 0;
    for (int64_t i = 0; i < range.count; i++)
        count[label_of(data, part, range.first + i)]++;
}

TEST(splits_are_stratified_and_go_by_names)
{
    put_class("whole", "few", 20);
    put_class("whole", "many", 80);
    opened o = open_folder("whole", (const char *const[]){"test_share", "20%", NULL});
    int64_t count[2];
    wn__split split;
    CHECK(o.data.facts.train_count == 80 && o.data.facts.test_count == 20);
    count_classes(&o.data, WN__PART_TEST, (wn__range){0, 20}, count);
    CHECK(count[0] == 4 && count[1] == 16);
    CHECK_OK(wn__dataset_split(&o.data, "10", 40, &split));
    count_classes(&o.data, WN__PART_TRAIN, split.validation, count);
    CHECK(count[0] == 2 && count[1] == 8);
    count_classes(&o.data, WN__PART_TRAIN, split.train, count);
    CHECK(count[0] == 8 && count[1] == 32);
    bool seen[2][80] = {{false}};
    for (int part = 0; part < 2; part++)
        for (int64_t i = 0; i < (part ? 20 : 80); i++) {
            const char *name = name_of(&o.data, part ? WN__PART_TEST : WN__PART_TRAIN, i);
            bool *mark = &seen[name[0] == 'm'][atoi(strrchr(name, '/') + 1)];
            CHECK(!*mark);
            *mark = true;
        }
    close_set(&o);
}

TEST(orders_do_not_depend_on_how_samples_stood)
{
    enum { N = 60 };
    wn__stratum forth[N], back[N];
    int64_t one[N], other[N];
    for (int i = 0; i < N; i++) {
        char name[16];
        snprintf(name, sizeof name, "x/%d.jpg", i);
        forth[i] = back[N - 1 - i] = (wn__stratum){wn__name_hash(name), i % 3};
    }
    CHECK_OK(wn__stratified_order(N, forth, one));
    CHECK_OK(wn__stratified_order(N, back, other));
    for (int i = 0; i < N; i++)
        CHECK_EQ_INT(one[i], N - 1 - other[i]);
    for (int i = 0; i < N; i += 3) /* each three hold all classes */
        CHECK((one[i] % 3) + (one[i + 1] % 3) + (one[i + 2] % 3) == 3);
}

TEST(first_and_last_are_refused_by_class)
{
    wn__split split;
    const wn__data_facts facts = {.train_count = 100, .test_count = 10, .by_class = true};
    CHECK_STATUS(wn__split_make(&facts, "last-10", 0, &split), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "one class after the other");
    CHECK_STATUS(wn__split_make(&facts, "10 %", 0, &split), WN_EUSAGE);
    CHECK_STATUS(wn__split_make(&facts, "100%", 0, &split), WN_EUSAGE);
    CHECK_OK(wn__split_make(&facts, "7.5%", 0, &split));
    CHECK(split.train.count == 92 && split.validation.count == 8);
}

/* ---- keys */

TEST(keys_are_of_names_sizes_and_labels_not_of_places)
{
    put_class("here", "a", 10);
    put_class("here", "b", 10);
    CHECK_OK(wn__make_folders(scratch_path("else")));
    CHECK(symlink(scratch_path("here"), scratch_path("else/where")) == 0);
    opened one = open_folder("here", NULL), two = open_folder("else/where", NULL);
    CHECK_EQ_TEXT(one.data.facts.contents_key, two.data.facts.contents_key);
    CHECK(strlen(one.data.facts.contents_key) == 64);
    close_set(&two);
    CHECK(rename(scratch_path("here/a/003.png"), scratch_path("here/a/303.png")) == 0);
    two = open_folder("here", NULL);
    CHECK(strcmp(one.data.facts.contents_key, two.data.facts.contents_key) != 0);
    close_set(&one);
    close_set(&two);
}

/* ---- what is wrong */

TEST(what_is_no_set_is_refused_by_name)
{
    put_class("empty", "a", 1);
    put_class("empty", "b", 1);
    CHECK_OK(wn__make_folders(scratch_path("empty/c")));
    check_refused("empty", NULL, WN_EUSAGE, "empty/c: a class without pictures");
    put_class("flat", "train/a", 2);
    put_class("flat", "train/b", 2);
    put("flat", "val/x.png", 1, 2);
    check_refused("flat", NULL, WN_EUSAGE, "flat/val/x.png: a picture outside of class folders");
    put_class("other", "train/a", 2);
    put_class("other", "train/b", 2);
    put_class("other", "val/c", 2);
    check_refused("other", NULL, WN_EUSAGE, "other/val/c: the training pictures have no such class");
    put("loose", "x.png", 1, 2);
    check_refused("loose", NULL, WN_EUSAGE, "holds pictures, but no folder for each class");
    CHECK_OK(wn__make_folders(scratch_path("nothing")));
    check_refused("nothing", NULL, WN_EUSAGE, "holds no class folders");
    put_class("one", "a", 3);
    check_refused("one", NULL, WN_EUSAGE, "pictures of 1 class, must be at least 2");
    put_class("val-only", "val/a", 3);
    check_refused("val-only", NULL, WN_EUSAGE, "has \"val\" but no \"train\"");
    check_refused("not-there", NULL, WN_ENOTFOUND, "there is no such folder");
    check_refused("flat/train", (const char *const[]){"test_share", "many", NULL}, WN_EUSAGE, "test_share: many of 4 pictures");
}

TEST(broken_pictures_are_named_or_left_out)
{
    NEEDS_PNG;
    put_class("broken", "a", 12);
    put_class("broken", "b", 12);
    CHECK_OK(wn__file_write(scratch_path("broken/b/005.png"), "GIF89a..........", 16));
    CHECK(truncate(scratch_path("broken/a/007.png"), 40) == 0);
    setenv("XDG_CACHE_HOME", scratch_path("cache"), 1);
    opened o = open_folder("broken", (const char *const[]){"test_share", "4", NULL});
    wn__scratch scratch = {0};
    wn__sample_input input;
    int32_t label;
    int faults = 0;
    for (int64_t i = 0; i < 24; i++) {
        const wn__part part = i < 20 ? WN__PART_TRAIN : WN__PART_TEST;
        if (wn__source_read(o.data.source, "test", part, i < 20 ? i : i - 20, &scratch, &input, &label) == WN_OK) continue;
        CHECK(strstr(wn_error_message(), "b/005.png: is a GIF") || strstr(wn_error_message(), "a/007.png: "));
        faults++;
    }
    CHECK_EQ_INT(faults, 2);
    close_set(&o);
    for (int again = 0; again < 2; again++) { /* the second time it is known */
        o = open_folder("broken", (const char *const[]){"test_share", "4", "broken", "skip", NULL});
        const wn__pictures *p = o.data.facts.memory;
        CHECK(p->broken_count == 2 && o.data.facts.train_count == 18 && o.data.facts.test_count == 4);
        CHECK_HAS_TEXT(p->broken[0], "a/007.png");
        CHECK_HAS_TEXT(p->broken[1], "b/005.png");
        for (int64_t i = 0; i < 18; i++)
            CHECK_OK(wn__source_read(o.data.source, "test", WN__PART_TRAIN, i, &scratch, &input, &label));
        close_set(&o);
    }
    wn__scratch_release(&scratch);
}

TEST(a_file_that_changes_is_noticed_and_kept_ones_are_not_read_again)
{
    NEEDS_PNG;
    put_class("kept", "a", 3);
    put_class("kept", "b", 3);
    static const char *const settings[][7] = {
        {"test_share", "2"}, {"test_share", "2", "cache", "0.001"}, {"test_share", "2", "cache", "0.001", "cache_form", "decoded"}};
    for (int cached = 0; cached < 3; cached++) {
        put_class("kept", "a", 3);
        put_class("kept", "b", 3);
        opened o = open_folder("kept", settings[cached]);
        wn__scratch scratch = {0};
        wn__sample_input input;
        int32_t label;
        char path[600];
        CHECK_OK(wn__source_read(o.data.source, "test", WN__PART_TRAIN, 0, &scratch, &input, &label));
        const uint8_t red = *(const uint8_t *)input.data;
        snprintf(path, sizeof path, "%s/%s", scratch_path("kept"), name_of(&o.data, WN__PART_TRAIN, 0));
        CHECK_OK(wn__file_write(path, "changed", 7));
        const wn_status status = wn__source_read(o.data.source, "test", WN__PART_TRAIN, 0, &scratch, &input, &label);
        CHECK(status == (cached ? WN_OK : WN_EMISMATCH));
        if (cached) CHECK(input.height == 2 && input.width == 2 && *(const uint8_t *)input.data == red);
        if (cached == 2) CHECK(input.data != scratch.pixels.data); /* where it is kept */
        wn__scratch_release(&scratch);
        close_set(&o);
    }
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(classes_are_sorted_folders_and_a_validation_folder_tests),
                                    RUN(all_three_parts_are_taken_as_they_are),
                                    RUN(imagenet_is_read_as_people_keep_it),
                                    RUN(arrays_are_pictures_with_classes_several_classes_or_values),
                                    RUN(arrays_lie_in_npy_files_too),
                                    RUN(moments_of_floats_are_computed_from_the_training_samples),
                                    RUN(validation_samples_may_be_of_their_own),
                                    RUN(sorted_labels_are_noticed),
                                    RUN(any_four_idx_files_are_a_set),
                                    RUN(shards_are_read_where_they_lie),
                                    RUN(long_names_in_shards_are_read),
                                    RUN(lists_name_pictures_and_labels),
                                    RUN(lists_may_give_several_labels),
                                    RUN(lists_that_are_wrong_are_refused_by_line),
                                    RUN(names_of_classes_are_sorted),
                                    RUN(splits_are_stratified_and_go_by_names),
                                    RUN(orders_do_not_depend_on_how_samples_stood),
                                    RUN(first_and_last_are_refused_by_class),
                                    RUN(keys_are_of_names_sizes_and_labels_not_of_places),
                                    RUN(what_is_no_set_is_refused_by_name),
                                    RUN(broken_pictures_are_named_or_left_out),
                                    RUN(a_file_that_changes_is_noticed_and_kept_ones_are_not_read_again),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
