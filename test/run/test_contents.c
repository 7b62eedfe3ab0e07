/* Experiments on files that are not the published ones, or that change: which results are taken for which contents. */
#include <zlib.h>

#include "data/contents.h"
#include "io/json_file.h"
#include "run/experiment.h"
#include "scratch_folder.h"
#include "winnow/lab.h"

/* ---- MNIST's sizes with other contents */

enum { TRAIN = 60000, TEST_IMAGES = 10000, IMAGE = 784 };

static void put_number(uint8_t *at, unsigned value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void write_idx(const char *folder, const char *name, const char *mode, unsigned count, int dims, int shade)
{
    uint8_t header[16];
    char path[1024];
    static uint8_t block[1000 * IMAGE];
    put_number(header, 0x800u + (unsigned)dims);
    put_number(header + 4, count);
    put_number(header + 8, 28);
    put_number(header + 12, 28);
    snprintf(path, sizeof path, "%s/mnist/%s%s", folder, name, mode[2] == 'T' ? "" : ".gz");
    gzFile file = gzopen(path, mode);
    const unsigned head = dims == 3 ? 16 : 8, bytes = dims == 3 ? 1000 * IMAGE : 1000;
    for (unsigned i = 0; i < bytes; i++)
        block[i] = (uint8_t)(dims == 3 ? i / IMAGE * 7 + i % 29 + (unsigned)shade : (i + (unsigned)shade) % 10);
    CHECK(file && gzwrite(file, header, head) == (int)head);
    for (unsigned i = 0; i < count; i += 1000)
        CHECK_EQ_INT(gzwrite(file, block, bytes), bytes);
    CHECK_EQ_INT(gzclose(file), Z_OK);
}

static const char *const packed = "wb1", *const plain = "wbT";

static const char *make_data(const char *name, int shade, const char *mode)
{
    const char *folder = scratch_fresh(name);
    char path[1024];
    snprintf(path, sizeof path, "%s/mnist", folder);
    CHECK_OK(wn__make_folders(path));
    write_idx(folder, "train-images-idx3-ubyte", mode, TRAIN, 3, 1);
    write_idx(folder, "train-labels-idx1-ubyte", mode, TRAIN, 1, 0);
    write_idx(folder, "t10k-images-idx3-ubyte", mode, TEST_IMAGES, 3, 2);
    write_idx(folder, "t10k-labels-idx1-ubyte", mode, TEST_IMAGES, 1, shade);
    return folder;
}

static const char *const network = "name: tiny\nnodes:\n"
                                   "  - conv: {name: conv1, out: 2, kernel: 3, stride: 3}\n"
                                   "  - relu\n"
                                   "  - global_pool\n"
                                   "  - linear: {name: fc, out: classes}\n";

static const char *write_recipe(void)
{
    char text[2048];
    const char *net = scratch_path("net.yaml"), *path = scratch_path("digits.yaml");
    CHECK_OK(wn__file_write(net, network, strlen(network)));
    const int size = snprintf(text, sizeof text,
                              "data: {set: mnist, validation: last-100, train_size: 64}\n"
                              "model: {arch: %s}\n"
                              "train: {steps: 2, batch: 32, optimizer: {sgd: {momentum: 0.9}}, lr: 0.1}\n"
                              "backend: ref\n"
                              "threads: 1\n"
                              "compare: {methods: [dense], sparsity: [0%%], seeds: 0}\n",
                              net);
    CHECK_OK(wn__file_write(path, text, (size_t)size));
    return path;
}

static const char *const verified[] = {"data.unverified=false"}, *const unverified[] = {"data.unverified=true"};

static wn_run_options options_for(const char *store, const char *data, const char *const *set)
{
    return WN_OPTIONS(wn_run_options, .recipe = write_recipe(), .out = store, .data_folder = data, .set = set, .sets = 1);
}

/* Runs, and tells whether the one stage was done before. */
static bool was_done(const char *store, const char *data)
{
    const wn_run_options o = options_for(store, data, unverified);
    wn_run_summary summary;
    wn_plan_summary plan;
    CHECK_OK(wn_experiment_plan(&o, false, NULL, NULL, &plan));
    CHECK_OK(wn_experiment_run(&o, &summary));
    CHECK(summary.stages == 1 && summary.done_before + summary.run == 1 && plan.done == summary.done_before);
    return summary.done_before == 1;
}

static void keep_identity(void *user, const wn_stage_info *stage) { snprintf(user, WN__SHA256_TEXT, "%s", stage->identity); }

static void identify(const char *data, const char *const *set, char identity[WN__SHA256_TEXT])
{
    const wn_run_options o = options_for(scratch_path("nothing-done"), data, set);
    CHECK_OK(wn_experiment_plan(&o, false, keep_identity, identity, NULL));
}

/* ---- which results count */

TEST(other_contents_are_other_stages)
{
    const char *store = scratch_fresh("others"), *one = make_data("one", 0, packed), *two = make_data("two", 1, packed);
    CHECK(!was_done(store, one));
    CHECK(was_done(store, one));
    CHECK(!was_done(store, two)); /* test labels alone differ */
    CHECK(was_done(store, one));
    CHECK(was_done(store, make_data("one-plain", 0, plain)));
    make_data("one", 3, packed); /* the same files, changed */
    CHECK(!was_done(store, one));
}

TEST(results_are_looked_at_where_data_are_not)
{
    const char *store = scratch_fresh("without"), *data = make_data("gone", 0, packed);
    CHECK(!was_done(store, data));
    CHECK_OK(wn__remove_tree(data));
    CHECK(was_done(store, data)); /* by what the experiment has on record */
    const wn_run_options o = options_for(scratch_fresh("elsewhere"), data, unverified);
    CHECK_OK(wn_experiment_plan(&o, false, NULL, NULL, NULL));
    CHECK_STATUS(wn_experiment_run(&o, NULL), WN_ENOTFOUND);
}

TEST(other_contents_are_refused_everywhere)
{
    const char *store = scratch_fresh("refused"), *data = make_data("foreign", 0, packed);
    CHECK(!was_done(store, data));
    const wn_run_options o = options_for(store, data, verified);
    static const char *const text = "mnist/train-images-idx3-ubyte.gz: is not the published file of mnist";
    CHECK_STATUS(wn_experiment_run(&o, NULL), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), text);
    CHECK_STATUS(wn_experiment_plan(&o, false, NULL, NULL, NULL), WN_EMISMATCH);
    CHECK_STATUS(wn_train(&o, 0, scratch_path("trained"), NULL), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), text);

    char weights[1024], identity[WN__SHA256_TEXT];
    identify(data, unverified, identity);
    snprintf(weights, sizeof weights, "%s/stages/%.16s/final.safetensors", store, identity);
    wn_evaluation evaluation;
    wn_eval_options eval = {.size = sizeof eval, .weights = weights, .data_folder = data};
    CHECK_OK(wn_eval(&eval, &evaluation)); /* the file says that its data were unverified */
    wn_evaluation_release(&evaluation);
    eval.set = verified;
    eval.sets = 1;
    CHECK_STATUS(wn_eval(&eval, &evaluation), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), text);
}

TEST(published_contents_are_no_part_of_keys)
{
    const char *nowhere = scratch_path("no-data"), *foreign = make_data("not-published", 0, packed), *real = getenv("WINNOW_DATA");
    char usual[WN__SHA256_TEXT], other[WN__SHA256_TEXT], absent[WN__SHA256_TEXT];
    identify(nowhere, verified, usual);
    identify(foreign, unverified, other);
    identify(nowhere, unverified, absent);
    CHECK(strcmp(usual, other) != 0 && strcmp(usual, absent) != 0 && strcmp(other, absent) != 0);
    if (!real || !*real) SKIP("WINNOW_DATA is not set");
    identify(real, verified, other);
    CHECK_EQ_TEXT(other, usual);
    identify(real, unverified, other);
    CHECK_EQ_TEXT(other, usual);
}

TEST(files_that_change_between_planning_and_loading_are_noticed)
{
    const char *data = make_data("racing", 0, packed);
    const wn_run_options o = options_for(scratch_fresh("race"), data, unverified);
    wn__experiment e;
    CHECK_OK(wn__experiment_open(&o, &e));
    make_data("racing", 1, packed);
    CHECK_STATUS(wn__context_load(&e.context), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), "changed since");
    wn__experiment_close(&e);
}

/* ---- records */

static json_t *read_json(const char *folder, const char *name)
{
    char path[2048];
    json_t *json;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    CHECK_OK(wn__json_load(path, &json));
    return json;
}

TEST(contents_are_on_record)
{
    const char *store = scratch_fresh("recorded"), *data = make_data("kept", 0, packed);
    char folder[1024], identity[WN__SHA256_TEXT];
    wn__file_digest digest;
    CHECK(!was_done(store, data));
    identify(data, unverified, identity);
    snprintf(folder, sizeof folder, "%s/stages/%.16s", store, identity);
    json_t *environment = read_json(folder, "environment.json"), *stage = read_json(folder, "stage.json"),
           *results = read_json(store, "digits/results.json");
    const json_t *record = json_object_get(environment, "data");
    CHECK_EQ_TEXT(json_string_value(json_object_get(record, "set")), "mnist");
    CHECK(json_is_false(json_object_get(record, "published")));
    snprintf(folder, sizeof folder, "%s/mnist/t10k-labels-idx1-ubyte.gz", data);
    CHECK_OK(wn__file_digest_find(folder, 0, &digest));
    CHECK_EQ_TEXT(json_string_value(json_object_get(json_object_get(record, "files"), "t10k-labels-idx1-ubyte")), digest.sha256);
    const char *key = json_string_value(json_object_get(json_object_get(json_object_get(stage, "inputs"), "data"), "contents"));
    CHECK(key && strlen(key) == 64);
    CHECK_EQ_TEXT(json_string_value(json_object_get(json_object_get(results, "data"), "contents")), key);
    json_decref(environment);
    json_decref(stage);
    json_decref(results);
}

TEST(written_recipes_say_unverified_only_where_it_is_so)
{
    char *yaml;
    wn_run_options o = options_for(NULL, scratch_path("no-data"), verified);
    CHECK_OK(wn_recipe_resolve(&o, &yaml));
    CHECK(strstr(yaml, "unverified") == NULL);
    wn_text_free(yaml);
    o.set = unverified;
    CHECK_OK(wn_recipe_resolve(&o, &yaml));
    CHECK_HAS_TEXT(yaml, "unverified: true");
    wn_text_free(yaml);
}

/* ---- analyses */

static void interpolate(const char *weights, const char *data, const char *store, char folder[1024])
{
    const char *const networks[] = {weights, weights};
    const wn_lab_interpolate_options o = {
        .size = sizeof o,
        .lab = &WN_OPTIONS(wn_lab_options, .networks = networks, .count = 2, .out = store, .data_folder = data, .part = true),
        .points = 3,
        .from = "0",
        .to = "1",
        .batches = 1,
        .train_images = 64};
    wn_lab_result result = {0};
    CHECK_OK(wn_lab_interpolate(&o, &result));
    snprintf(folder, 1024, "%s", result.folder);
    wn_lab_result_release(&result);
}

TEST(analyses_of_other_contents_are_answered_anew)
{
    const char *store = scratch_fresh("asked"), *data = make_data("asked-of", 0, packed);
    char weights[1024], identity[WN__SHA256_TEXT], first[1024], again[1024], changed[1024];
    CHECK(!was_done(store, data));
    identify(data, unverified, identity);
    snprintf(weights, sizeof weights, "%s/stages/%.16s/final.safetensors", store, identity);
    interpolate(weights, data, store, first);
    interpolate(weights, data, store, again);
    CHECK_EQ_TEXT(again, first);
    make_data("asked-of", 1, packed);
    interpolate(weights, data, store, changed);
    CHECK(strcmp(changed, first) != 0);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(other_contents_are_other_stages),
                                    RUN(results_are_looked_at_where_data_are_not),
                                    RUN(other_contents_are_refused_everywhere),
                                    RUN(published_contents_are_no_part_of_keys),
                                    RUN(files_that_change_between_planning_and_loading_are_noticed),
                                    RUN(contents_are_on_record),
                                    RUN(written_recipes_say_unverified_only_where_it_is_so),
                                    RUN(analyses_of_other_contents_are_answered_anew),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
