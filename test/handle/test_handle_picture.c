/* wn_network_read_image: a picture is the input that evaluation sees, whether its data set is there or not. */
#include "base/alloc.h"
#include "data/sample_reader.h"
#include "recipe/recipe.h"
#include "scratch_folder.h"
#include "tiny_png.h"
#include "winnow/data.h"
#include "winnow/network.h"

static const struct {
    int height, width;
} sizes[] = {{16, 16}, {23, 40}, {50, 17}, {9, 9}};
enum { PICTURES = 4 };
#ifdef WN_HAVE_PNG
#define NEEDS_PNG
#else
#define NEEDS_PNG SKIP("this build reads no PNG")
#endif

static const char *const classes[] = {"ants", "bees"}, *const parts[] = {"train", "val"};

/* photos/PART/CLASS/I.png, of many colours. */
static void make_pictures(const char *root)
{
    for (int i = 0; i < 4 * PICTURES; i++) {
        char path[600];
        uint8_t planes[3 * 64 * 64];
        const int height = sizes[i % PICTURES].height, width = sizes[i % PICTURES].width;
        for (int k = 0; k < 3 * height * width; k++)
            planes[k] = (uint8_t)(k * (7 + i) + k / width);
        snprintf(path, sizeof path, "%s/%s/%s", root, parts[i / (2 * PICTURES)], classes[i / PICTURES % 2]);
        CHECK_OK(wn__make_folders(path));
        snprintf(path + strlen(path), sizeof path - strlen(path), "/%d.png", i % PICTURES);
        tiny_png_planes(path, height, width, planes);
    }
}

static void save_network(const char *root, const char *more, const char *path)
{
    char recipe[1000];
    wn_network *net = NULL;
    snprintf(recipe, sizeof recipe, "{model: {arch: lenet5}, data: {set: folder, path: %s, %s}}", root, more);
    CHECK_OK(wn_network_from_recipe(recipe, NULL, &net));
    CHECK_OK(wn_network_save(net, path, NULL));
    wn_network_close(net);
}

/* The test pictures as evaluation reads them. */
static float *evaluated(const char *root, const char *more, int64_t size)
{
    char text[1000];
    wn__recipe *r;
    wn__dataset data;
    float *x = WN_NEW_ARRAY(float, 2 * PICTURES * size);
    snprintf(text, sizeof text, "{model: {arch: lenet5}, data: {set: folder, path: %s, %s}}", root, more);
    CHECK_OK(wn__recipe_read_parts(&(wn__recipe_source){.text = text, .label = "recipe"}, &r));
    CHECK_OK(wn__dataset_load(r->data.type, r->data.config, NULL, NULL, false, &data));
    wn__data_section_fit(&r->data, &data);
    wn__sample_reader reader = {.data = &data};
    CHECK_OK(wn__data_section_normalize(&r->data, &data, &reader.normalize));
    CHECK_OK(wn__sample_reader_open(&reader));
    CHECK_EQ_INT(wn__source_count(data.source, WN__PART_TEST), 2 * PICTURES);
    for (int i = 0; i < 2 * PICTURES; i++) {
        int32_t class;
        CHECK_OK(wn__sample_reader_read(&reader, data.source, WN__PART_TEST, i, 0, i, x + i * size, &class));
    }
    wn__sample_reader_close(&reader);
    wn__dataset_release(&data);
    wn__recipe_free(r);
    return x;
}

typedef struct visited {
    wn_network *net;
    const float *want;
    int64_t size;
    int count;
} visited;

static void compare(void *user, const char *name, const void *bytes, size_t size)
{
    visited *v = user;
    static float x[3 * 224 * 224];
    const wn_status status = bytes ? wn_network_decode_image(v->net, name, bytes, size, x) : wn_network_read_image(v->net, name, x);
    CHECK_OK(status);
    if (memcmp(x, v->want + v->count * v->size, (size_t)v->size * sizeof *x) != 0) WN_TEST_FAIL("%s: another input than eval's", name);
    v->count++;
}

static void check_file(const char *file, const char *pictures, const float *want, int64_t size)
{
    wn_network *net = NULL;
    wn_network_info info = {.size = sizeof info};
    CHECK_OK(wn_network_open(file, NULL, &net));
    CHECK_OK(wn_network_look(net, &info));
    CHECK_EQ_INT(info.channels * info.height * info.width, size);
    CHECK_EQ_TEXT(info.targets, "class");
    CHECK_EQ_TEXT(info.class_names[1], "bees");
    visited v = {.net = net, .want = want, .size = size};
    CHECK_OK(wn_data_pictures(pictures, compare, &v));
    CHECK_EQ_INT(v.count, 2 * PICTURES);
    wn_network_close(net);
}

static void check_data(const char *more, int64_t size)
{
    NEEDS_PNG;
    const char *root = scratch_fresh("photos"), *away = scratch_fresh("elsewhere"), *file = scratch_path("net.safetensors");
    make_pictures(root);
    save_network(root, more, file);
    float *want = evaluated(root, more, size);
    check_file(file, scratch_path("photos/val"), want, size);
    CHECK(rename(root, away) == 0); /* the file alone says how, then */
    check_file(file, scratch_path("elsewhere/val"), want, size);
    wn__free(want);
}

TEST(pictures_are_scaled_to_cover_the_size) { check_data("size: 20", 3 * 20 * 20); }
TEST(gray_networks_see_gray_pictures) { check_data("size: 16, channels: 1", 16 * 16); }
TEST(pictures_are_changed_as_the_file_says)
{
    check_data("evaluate: [resize: 24, center-crop: 16, normalize: {mean: [0.1, 0.2, 0.3], std: [0.5, 0.6, 0.7]}]", 3 * 16 * 16);
}
TEST(presets_are_known_without_the_data) { check_data("augment: imagenet", 3 * 224 * 224); }

/* A file of another program says nothing of its pictures; the caller does. */
TEST(a_set_that_lies_nowhere_says_how)
{
    NEEDS_PNG;
    static const char *const sets[] = {"data.set=imagenet", "data.evaluate=[resize: 40, center-crop: 32]"};
    static float x[3 * 32 * 32];
    const char *path = scratch_path("foreign.safetensors"), *picture = scratch_path("gray.png");
    wn_network *net = NULL;
    wn_network_info info = {.size = sizeof info};
    tiny_png(picture, 50, 60, (const uint8_t[3]){128, 128, 128});
    CHECK_OK(wn_network_from_recipe("{model: {arch: resnet8}}", NULL, &net));
    CHECK_OK(wn_network_save(net, path, NULL));
    wn_network_close(net);
    CHECK_OK(wn_network_open(path, &WN_OPTIONS(wn_network_options, .set = sets, .sets = 2), &net));
    CHECK_OK(wn_network_look(net, &info));
    CHECK_EQ_TEXT(info.dataset, "imagenet");
    CHECK_EQ_TEXT(info.targets, "class");
    CHECK_OK(wn_network_read_image(net, picture, x));
    CHECK_NEAR(x[0], (128 / 255.0 - 0.485) / 0.229, 1e-5, 0);
    wn_network_close(net);
}

static void count(void *user, const char *name, const void *bytes, size_t size)
{
    (void)name;
    if (bytes && size > 8 && memcmp(bytes, "\x89PNG", 4) == 0) ++*(int *)user;
}

TEST(pictures_of_an_archive_come_with_their_bytes)
{
    char command[1400];
    int pictures = 0;
    const char *root = scratch_fresh("photos"), *tar = scratch_path("photos.tar");
    make_pictures(root);
    snprintf(command, sizeof command, "tar -cf %s -C %s .", tar, root);
    if (system(command) != 0) SKIP("no tar");
    CHECK_OK(wn_data_pictures(tar, count, &pictures));
    CHECK_EQ_INT(pictures, 4 * PICTURES);
}

TEST(what_is_no_picture_is_told)
{
    float x[3 * 32 * 32];
    wn_network *net = NULL, *bare = NULL;
    const char *gif = scratch_path("a.jpg");
    CHECK_OK(wn__file_write(gif, "GIF89a\1\0\1\0\0\0\0", 13));
    CHECK_OK(wn_network_from_recipe("{model: {arch: resnet8}, data: {set: cifar10}}", NULL, &net));
    CHECK_STATUS(wn_network_read_image(net, gif, x), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "is a GIF picture");
    CHECK_STATUS(wn_network_read_image(net, scratch_path("none.png"), x), WN_ENOTFOUND);
    CHECK_HAS_TEXT(wn_error_message(), "none.png");
    CHECK_OK(wn_network_from_recipe("{model: {arch: resnet8}}", NULL, &bare));
    CHECK_STATUS(wn_network_read_image(bare, gif, x), WN_EUNSUPPORTED);
    CHECK_HAS_TEXT(wn_error_message(), "not known how pixels become its inputs");
    wn_network_close(net);
    wn_network_close(bare);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(pictures_are_scaled_to_cover_the_size),
                                    RUN(gray_networks_see_gray_pictures),
                                    RUN(pictures_are_changed_as_the_file_says),
                                    RUN(presets_are_known_without_the_data),
                                    RUN(a_set_that_lies_nowhere_says_how),
                                    RUN(pictures_of_an_archive_come_with_their_bytes),
                                    RUN(what_is_no_picture_is_told),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
