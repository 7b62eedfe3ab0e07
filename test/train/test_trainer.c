/* The training loop on a small network (convolution, batch norm, dropout) and synthetic images: same bytes however it is run, cut off,
 * killed and continued; clear errors that leave the last good state. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "nn/init.h"
#include "patterns.h"
#include "scratch_folder.h"
#include "sparse/cost.h"
#include "sparse/prune/mask.h"
#include "sparse/prune/score.h"
#include "tiny_data.h"
#include "tiny_network.h"
#include "train/checkpoint.h"
#include "train/confusion_file.h"
#include "train/evaluate.h"
#include "train/trainer.h"

enum {
    SIDE = 8,
    CLASSES = 4,
    TRAIN = 150,
    HELD_OUT = 20,
    TEST_COUNT = 50,
    BATCH = 32,
    STEPS = 23
}; /* 130 stay: 5 batches an epoch, the last of 2 */

static const wn__dataset *images(void)
{
    static const char *const names[CLASSES] = {"north", "east", "\"south\"", "west"};
    static const wn__dataset_type type = {
        .name = "squares", .facts.sample = {.channels = 1, .height = SIDE, .width = SIDE, .classes = CLASSES, .class_names = names}};
    static uint8_t train[TRAIN * SIDE * SIDE], test[TEST_COUNT * SIDE * SIDE];
    static int32_t train_labels[TRAIN], test_labels[TEST_COUNT];
    static wn__dataset data;
    if (data.source) return &data;
    data = tiny_dataset(&type, (wn__memory_part){TRAIN, train, train_labels}, (wn__memory_part){TEST_COUNT, test, test_labels});
    for (int i = 0; i < TRAIN + TEST_COUNT; i++) { /* a bright quarter in noise */
        wn__rng rng = wn__rng_make(1, WN__FOR_TEST, (uint64_t)i, 0);
        uint8_t *x = i < TRAIN ? train + i * SIDE * SIDE : test + (i - TRAIN) * SIDE * SIDE;
        const int label = (int)wn__rng_below(&rng, CLASSES);
        *(i < TRAIN ? &train_labels[i] : &test_labels[i - TRAIN]) = label;
        for (int p = 0; p < SIDE * SIDE; p++)
            x[p] = (uint8_t)(wn__rng_below(&rng, 160) + ((p / SIDE / 4 * 2 + p % SIDE / 4) == label ? 60 : 0));
    }
    return &data;
}

static wn_graph *small_graph(int side, int classes)
{
    wn_graph *g = wn_graph_new("small", 1, side, side);
    int x = wn_graph_conv(g, wn_graph_input(g), "conv1", (wn_conv){.out = 4, .kernel = 3, .pad = 1});
    x = wn_graph_max_pool(g, wn_graph_relu(g, wn_graph_batch_norm(g, x, "bn1")), 2, 2, 0);
    x = wn_graph_dropout(g, wn_graph_relu(g, wn_graph_linear(g, x, "fc1", 12, true)), 0.2);
    x = wn_graph_linear(g, x, "fc2", classes, true);
    CHECK_OK(wn_graph_finish(g, x));
    return g;
}

/* Everything a stage borrows. */
typedef struct lab {
    wn_graph *graph;
    wn__params params, teacher_params;
    wn__pool *pool;
    wn__device *device;
    wn__executor *teacher;
    wn__teacher teaching;
    char config[64];
    wn__train_stage stage;
} lab;

static wn__loader_options loader_options(int threads)
{
    wn__loader_options o = {.data = images(),
                            .batch = BATCH,
                            .seed = 11,
                            .order = WN__SAMPLES_SHUFFLED,
                            .threads = threads,
                            .augment = {.pad = 1, .flip = false}};
    CHECK_OK(wn__split_make(&o.data->facts, "last-20", 0, &o.split));
    CHECK_OK(wn__normalize_find("signed", o.data, &o.normalize));
    return o;
}

/* What lab_init opens. */
static const char *backend = "ref";
static wn__dtype dtype = WN__F32;

static void lab_init(lab *l, const char *path, int threads, int loader_threads)
{
    *l = (lab){.graph = small_graph(SIDE, CLASSES)};
    l->params = tiny_params(l->graph, 3);
    l->device = tiny_device(backend, threads, dtype, &l->pool);
    const wn__optimizer_type *sgd = NULL;
    CHECK_OK(wn__optimizer_find("sgd", &sgd));
    CHECK_OK(wn__settings_defaults(sgd->settings, l->config));
    CHECK_OK(wn__settings_set(sgd->settings, l->config, "weight_decay", "0.001"));
    l->stage = (wn__train_stage){
        .name = "dense",
        .identity = "stage-1",
        .folder = path,
        .graph = l->graph,
        .params = &l->params,
        .device = l->device,
        .loader = loader_options(loader_threads),
        .optimizer = {.type = sgd, .config = l->config},
        .spec.schedule = {.kind = WN__SCHEDULE_STEP, .base = 0.05, .factor = 0.1, .milestone = {15}, .milestones = 1, .every = 1},
        .spec.soft_until = INT64_MAX,
        .noise_seed = 9,
        .spec.last = STEPS,
        .checkpoint_seconds = 1e9};
}

static void lab_release(lab *l)
{
    wn__executor_free(l->teacher);
    wn__params_release(&l->params);
    wn__params_release(&l->teacher_params);
    tiny_device_close(l->device, l->pool);
    wn_graph_free(l->graph);
}

/* Another network of the same kind as teacher, and soft labels until step 17. */
static void add_teacher(lab *l)
{
    const wn__executor_options options = {.batch = BATCH};
    CHECK_OK(wn__graph_make_params(l->graph, &l->teacher_params));
    CHECK_OK(wn__init_params(&l->teacher_params, &(wn__init_options){.bn_scale = 1}, 77));
    CHECK_OK(wn__executor_new(l->graph, &l->teacher_params, l->device, &options, &l->teacher));
    l->stage.spec.loss = (wn__loss){.soft = true, .temperature = 4, .alpha = 0.8};
    l->stage.spec.soft_until = 17;
    l->teaching = (wn__teacher){.ex = {l->teacher}, .count = 1};
    l->stage.teacher = &l->teaching;
    l->stage.teacher_flops_per_image = 1000;
}

TEST(several_teachers_give_the_mean_of_their_outputs)
{
    lab l;
    wn__params params = {0};
    wn__executor *second;
    float logits[3][BATCH * CLASSES], room[BATCH * CLASSES], input[BATCH * SIDE * SIDE];
    lab_init(&l, scratch_fresh("teachers"), 1, 0);
    add_teacher(&l);
    CHECK_OK(wn__graph_make_params(l.graph, &params));
    CHECK_OK(wn__init_params(&params, &(wn__init_options){.bn_scale = 1}, 78));
    CHECK_OK(wn__executor_new(l.graph, &params, l.device, &(wn__executor_options){.batch = BATCH}, &second));
    for (int i = 0; i < BATCH * SIDE * SIDE; i++)
        input[i] = (float)(i % 7) - 3;
    const wn__teacher both = {.ex = {l.teacher, second}, .count = 2, .outputs = CLASSES, .room = room};
    CHECK_OK(wn__executor_infer(l.teacher, input, BATCH, (wn__step_info){0}, logits[0]));
    CHECK_OK(wn__executor_infer(second, input, BATCH, (wn__step_info){0}, logits[1]));
    CHECK_OK(wn__teacher_infer(&both, input, BATCH, logits[2]));
    for (int i = 0; i < BATCH * CLASSES; i++)
        CHECK_NEAR(logits[2][i], (logits[0][i] + logits[1][i]) / 2, 0, 0);
    wn__executor_free(second);
    wn__params_release(&params);
    lab_release(&l);
}

static void prune(lab *l, double sparsity)
{
    wn__selection s;
    wn__scores scores;
    CHECK_OK(wn__selection_make(l->graph, (const char *const[]){"all"}, 1, &s));
    CHECK_OK(wn__scores_magnitude(&l->params, &s, &scores));
    CHECK_OK(wn__masks_prune(&l->params, &s, (const float *const *)scores.score, &(wn__prune){.sparsity = sparsity}));
    wn__scores_release(&scores);
    wn__selection_release(&s);
}

/* Pruned to 80 % at steps 3, 7, 11, 15, 18 of 20 or more. */
static void add_gradual(lab *l)
{
    static wn__selection all; /* as long as the stage */
    static const char *const item = "all";
    if (!all.selected) CHECK_OK(wn__selection_make(l->graph, &item, 1, &all));
    l->stage.spec.gradual = (wn__gradual_run){
        .when = {.begin = 3, .end = 18, .interval = 4, .power = 3, .initial = 0.1}, .selection = &all, .last = {.sparsity = 0.8}};
}

/* Of a result: "accuracy" of a part. */
static double score(const wn__train_result *r, const double *part, const char *name)
{
    for (int i = 0; i < r->metrics.count; i++)
        if (strcmp(r->metrics.metric[i]->name, name) == 0) return part[i];
    return NAN;
}

static wn__train_result run_ok(lab *l)
{
    wn__train_result result = {0};
    CHECK_OK(wn__train_run(&l->stage, &result));
    return result;
}

static void check_same_run(const char *a, const char *b)
{
    check_same_file(a, b, "metrics.jsonl");
    check_same_file(a, b, "final.safetensors");
    check_same_file(a, b, WN__CONFUSION_FILE);
}

static char *read_text(const char *path, const char *name)
{
    char *p = wn__path_join(path, name), *text;
    size_t size;
    CHECK_OK(wn__file_read(p, &text, &size));
    wn__free(p);
    return text;
}

static void train_once(const char *path)
{
    lab l;
    lab_init(&l, path, 1, 0);
    run_ok(&l);
    lab_release(&l);
}

/* The undisturbed stage that others are compared with. */
static const char *undisturbed(void) { return scratch_undisturbed(train_once); }

/* ---- what a run gives */

TEST(training_learns_and_reports_the_last_and_the_best_epoch)
{
    lab l;
    lab_init(&l, scratch_fresh("learns"), 1, 1);
    l.stage.spec.last = 100;
    l.stage.spec.schedule.milestones = 0;
    l.stage.flops_before = 7;
    const wn__train_result r = run_ok(&l);
    CHECK(score(&r, r.test, "accuracy") > 0.8);
    CHECK(score(&r, r.train, "accuracy") > 0.7 && score(&r, r.train, "loss") < 0.8);
    CHECK(r.best_step > 0 && r.best_step <= 100 && r.best_test > 0.5);
    CHECK(r.best_validation >= score(&r, r.validation, "accuracy"));
    CHECK_EQ_INT(r.steps, 100);
    /* 20 epochs of 130 images; conv1 36 weights at 64 places, fc1 768, fc2 48; 2 a multiply-add, times 3 */
    CHECK_EQ_INT(r.flops_stage, 20LL * 130 * 3 * 2 * (36 * 64 + 768 + 48));
    CHECK_EQ_INT(r.flops_total, r.flops_stage + 7);
    lab_release(&l);
}

TEST(metrics_have_their_keys_and_nothing_else)
{
    char *text = read_text(undisturbed(), "metrics.jsonl");
    static const char first[] = "{\"stage\":\"dense\",\"step\":5,\"epoch\":1.0,\"split\":\"train\",\"n\":130,\"loss\":";
    CHECK(strncmp(text, first, sizeof first - 1) == 0);
    static const char *const keys[] = {
        "\"accuracy\":", "\"soft_error\":", "\"lr\":0.05,\"nnz\":876,\"density\":1.0,\"flops_total\":2433600}\n",
        "\"split\":\"validation\",\"n\":20,", "\"split\":\"test\",\"n\":50,"};
    const char *at = text;
    for (int k = 0; k < 5; k++) {
        at = strstr(at, keys[k]);
        if (!at) WN_TEST_FAIL("metrics.jsonl has no %s where it should be:\n%s", keys[k], text);
    }
    int lines = 0;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    CHECK_EQ_INT(lines, 15); /* four epochs and a part of one, three splits */
    CHECK_HAS_TEXT(text, "\"step\":23,\"epoch\":4.6,\"split\":\"train\",\"n\":96,");
    wn__free(text);
}

TEST(what_the_trained_network_takes_each_class_for_is_kept)
{
    lab l;
    wn__confusion c;
    lab_init(&l, scratch_fresh("confusion"), 1, 0);
    const wn__train_result r = run_ok(&l);
    char *path = wn__path_join(l.stage.folder, WN__CONFUSION_FILE);
    CHECK_OK(wn__confusion_read(path, &c));
    CHECK_EQ_INT(c.classes, CLASSES);
    CHECK_EQ_TEXT(c.names[2], "\"south\"");
    int64_t all = 0, right = 0;
    for (int k = 0; k < CLASSES * CLASSES; k++) {
        all += c.counts[k];
        right += k / CLASSES == k % CLASSES ? c.counts[k] : 0;
    }
    CHECK_EQ_INT(all, TEST_COUNT);
    CHECK_NEAR((double)right / TEST_COUNT, score(&r, r.test, "accuracy"), 1e-12, 0);
    wn__confusion_release(&c);
    static const char *const damaged[] = {"[]", "{\"format\": \"winnow-confusion\", \"version\": 1, \"counts\": [[1, 2], [3]]}",
                                          "{\"format\": \"winnow-confusion\", \"version\": 1, \"counts\": [[-1]]}",
                                          "{\"format\": \"winnow-confusion\", \"version\": 1, \"names\": [7], \"counts\": [[1]]}"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        CHECK_OK(wn__file_write(path, damaged[i], strlen(damaged[i])));
        CHECK_STATUS(wn__confusion_read(path, &c), WN_EFORMAT);
    }
    wn__free(path);
    lab_release(&l);
}

TEST(network_files_tell_what_a_reader_needs)
{
    char *path = wn__train_final_path(undisturbed());
    wn__safetensors *f;
    CHECK_OK(wn__safetensors_open(path, &f));
    CHECK_EQ_TEXT(wn__safetensors_meta(f, "arch"), "small");
    CHECK_EQ_TEXT(wn__safetensors_meta(f, "input"), "1x8x8");
    CHECK_EQ_TEXT(wn__safetensors_meta(f, "class_names"), "[\"north\",\"east\",\"\\\"south\\\"\",\"west\"]");
    CHECK_EQ_TEXT(wn__safetensors_meta(f, "mean"), "[0.5]");
    CHECK(wn__safetensors_find(f, "bn1.running_var") && wn__safetensors_find(f, "fc2.bias") &&
          !wn__safetensors_find(f, "fc2.bias.momentum"));
    wn__safetensors_close(f);
    wn__free(path);
}

TEST(same_bytes_for_any_threads)
{
    for (int threads = 1; threads <= 3; threads++) {
        lab l;
        lab_init(&l, scratch_fresh("threads"), threads, threads);
        run_ok(&l);
        lab_release(&l);
        check_same_run(undisturbed(), l.stage.folder);
    }
}

TEST(masked_weights_stay_zero_and_are_counted)
{
    lab l;
    lab_init(&l, scratch_fresh("masked"), 1, 0);
    prune(&l, 0.75);
    CHECK_OK(wn__init_params(&l.params, &(wn__init_options){0}, 3));
    const wn__train_result r = run_ok(&l);
    const wn__param *fc1 = wn__params_find(&l.params, "fc1.weight");
    int64_t nonzero = 0;
    for (int64_t e = 0; e < fc1->stored; e++) {
        if (!fc1->mask[e]) CHECK(fc1->value[e] == 0 && fc1->slot[0][e] == 0);
        nonzero += fc1->value[e] != 0;
    }
    CHECK_EQ_INT(nonzero, fc1->active);
    CHECK(r.flops_stage < 600 * 3 * 2 * (36 * 64 + 768 + 48));
    char *text = read_text(l.stage.folder, "metrics.jsonl");
    CHECK_HAS_TEXT(text, "\"nnz\":237,"); /* 213 of 852 weights and 24 others */
    wn__free(text);
    /* the file gives the masks back */
    wn__params again = {0};
    char *path = wn__train_final_path(l.stage.folder);
    CHECK_OK(wn__graph_make_params(l.graph, &again));
    CHECK_OK(wn__network_load(path, WN__PART_VALUES | WN__PART_MASKS, &again));
    CHECK(memcmp(wn__params_find(&again, "fc1.weight")->mask, fc1->mask, (size_t)fc1->stored) == 0);
    CHECK_EQ_INT(wn__params_find(&again, "fc1.weight")->active, fc1->active);
    wn__free(path);
    wn__params_release(&again);
    lab_release(&l);
}

/* ---- the moving average */

static void average_of(const char *folder, const wn_graph *graph, wn__params *out)
{
    char *path = wn__train_average_path(folder);
    *out = (wn__params){0};
    CHECK_OK(wn__graph_make_params(graph, out));
    CHECK_OK(wn__network_load(path, WN__PART_VALUES | WN__PART_MASKS, out));
    wn__free(path);
}

TEST(the_average_is_that_of_the_weights_after_each_step)
{
    enum { DONE = STEPS + 1 };
    lab l;
    int64_t keep[DONE];
    wn__params state = {0}, average;
    static float want[2][768];
    static const char *const names[] = {"fc1.weight", "bn1.running_mean"};
    lab_init(&l, scratch_fresh("average"), 2, 1);
    for (int i = 0; i < DONE; i++)
        keep[i] = i;
    l.stage.spec.keep = keep;
    l.stage.spec.keeps = DONE;
    l.stage.spec.average = (wn__average_rule){.decay = 0.9, .every = 2, .ramp = true};
    run_ok(&l);
    check_same_file(undisturbed(), l.stage.folder, "final.safetensors"); /* weights never see it */
    CHECK_OK(wn__graph_make_params(l.graph, &state));
    for (int step = 0; step < DONE; step++) {
        char *path = wn__train_step_path(l.stage.folder, step);
        CHECK_OK(wn__network_load(path, WN__PART_VALUES, &state));
        const double n = step / 2, most = (1 + n) / (10 + n);
        const float decay = (float)(most < 0.9 ? most : 0.9);
        for (int k = 0; step % 2 == 0 && k < 2; k++) {
            const wn__param *p = wn__params_find(&state, names[k]);
            for (int64_t i = 0; i < p->stored; i++)
                want[k][i] = step ? decay * want[k][i] + (1 - decay) * p->value[i] : p->value[i];
        }
        wn__free(path);
    }
    average_of(l.stage.folder, l.graph, &average);
    for (int k = 0; k < 2; k++) {
        const wn__param *p = wn__params_find(&average, names[k]);
        CHECK(memcmp(p->value, want[k], (size_t)p->stored * sizeof(float)) == 0);
    }
    char *text = read_text(l.stage.folder, "metrics.jsonl");
    CHECK_HAS_TEXT(text, "\"split\":\"validation-average\",\"n\":20,");
    CHECK_HAS_TEXT(text, "\"step\":23,\"epoch\":4.6,\"split\":\"test-average\",\"n\":50,");
    wn__free(text);
    wn__params_release(&state);
    wn__params_release(&average);
    lab_release(&l);
}

TEST(the_average_survives_a_stop_and_knows_masks)
{
    wn__params average;
    wn__train_result result[3];
    char folders[2][512];
    for (int cut = 0; cut < 2; cut++) {
        lab l;
        snprintf(folders[cut], sizeof folders[cut], "%s", scratch_fresh(cut ? "average-cut" : "average-whole"));
        for (int part = 0; part <= cut + 1; part++) { /* the last one finds all done */
            lab_init(&l, folders[cut], 1, 0);
            add_gradual(&l);
            l.stage.spec.average = (wn__average_rule){.decay = 0.8, .every = 1};
            l.stage.pause_step = cut && part == 0 ? 13 : 0;
            CHECK_STATUS(wn__train_run(&l.stage, &result[part]), l.stage.pause_step ? WN_ESTOPPED : WN_OK);
            if (part <= cut) lab_release(&l);
        }
        CHECK(!isnan(result[cut].average_test[0]) && result[cut].average_test[0] == result[cut + 1].average_test[0]);
        CHECK(result[cut].average_validation[0] == result[cut + 1].average_validation[0]);
        average_of(folders[cut], l.graph, &average);
        const wn__param *fc1 = wn__params_find(&average, "fc1.weight");
        CHECK(fc1->mask && fc1->active < fc1->stored / 2);
        for (int64_t e = 0; e < fc1->stored; e++)
            CHECK((fc1->value[e] != 0) == (fc1->mask[e] != 0));
        wn__params_release(&average);
        lab_release(&l);
    }
    check_same_run(folders[0], folders[1]);
    check_same_file(folders[0], folders[1], "average.safetensors");
}

static int64_t calls_in_epoch;
static void count_allocations(void *user, const wn__train_progress *p)
{
    int64_t *last = user;
    const int64_t calls = wn__alloc_statistics().calls;
    if (p->step % 5 > 1) calls_in_epoch += calls - *last; /* inside an epoch; the first of an epoch follows its predecessor's evaluation */
    *last = calls;
}

TEST(steps_after_the_first_allocate_nothing)
{
    int64_t last = 0;
    lab l;
    lab_init(&l, scratch_fresh("allocations"), 2, 2);
    add_teacher(&l);
    l.stage.progress = count_allocations;
    l.stage.user = &last;
    calls_in_epoch = 0;
    run_ok(&l);
    CHECK_EQ_INT(calls_in_epoch, 0);
    lab_release(&l);
}

TEST(micro_batches_compute_every_sample)
{
    lab whole, parts;
    lab_init(&whole, scratch_fresh("whole"), 1, 0);
    lab_init(&parts, scratch_fresh("parts"), 1, 0);
    whole.stage.spec.last = parts.stage.spec.last = 1;
    parts.stage.micro_batch = 10;
    const wn__train_result a = run_ok(&whole), b = run_ok(&parts);
    const double loss = score(&a, a.train, "loss"), in_parts = score(&b, b.train, "loss");
    CHECK_NEAR(loss, in_parts, 0, 0.2); /* batch norm sees other batches */
    CHECK(loss != in_parts);
    lab_release(&whole);
    lab_release(&parts);
}

/* ---- rewinding */

TEST(a_kept_state_with_its_slots_continues_to_the_same_bytes)
{
    lab l;
    lab_init(&l, scratch_fresh("kept"), 1, 0);
    l.stage.spec.keep = (int64_t[]){0, 8, STEPS};
    l.stage.spec.keeps = 3;
    run_ok(&l);
    check_same_run(undisturbed(), l.stage.folder);
    char *kept = wn__train_step_path(l.stage.folder, 8), *start = wn__train_step_path(l.stage.folder, 0);
    CHECK(wn__file_exists(start));
    lab again;
    lab_init(&again, scratch_fresh("rewound"), 1, 0);
    wn__safetensors *f;
    CHECK_OK(wn__safetensors_open(kept, &f));
    CHECK_OK(wn__params_allocate_slots(&again.params, 1));
    CHECK_OK(wn__network_read(f, WN__PART_VALUES | WN__PART_SLOTS, again.stage.optimizer.type, &again.params));
    wn__safetensors_close(f);
    again.stage.spec.keep_slots = true;
    again.stage.spec.slots_updates = again.stage.spec.first = 8;
    run_ok(&again);
    check_same_file(l.stage.folder, again.stage.folder, "final.safetensors");
    /* without the slots it is another run: momentum starts at zero */
    lab fresh;
    lab_init(&fresh, scratch_fresh("fresh"), 1, 0);
    CHECK_OK(wn__network_load(kept, WN__PART_VALUES, &fresh.params));
    fresh.stage.spec.first = 8;
    run_ok(&fresh);
    CHECK(memcmp(fresh.params.item[0].value, l.params.item[0].value, 36 * sizeof(float)) != 0);
    wn__free(kept);
    wn__free(start);
    lab_release(&l);
    lab_release(&again);
    lab_release(&fresh);
}

TEST(an_offset_shifts_the_data_alone)
{
    lab a, b;
    lab_init(&a, scratch_fresh("offset"), 1, 0);
    lab_init(&b, scratch_fresh("no-offset"), 1, 0);
    a.stage.spec.data_offset = 5; /* an epoch */
    a.stage.spec.last = b.stage.spec.last = 5;
    run_ok(&a);
    run_ok(&b);
    char *text = read_text(a.stage.folder, "metrics.jsonl");
    CHECK_HAS_TEXT(text, "\"step\":5,\"epoch\":2.0,");
    wn__free(text);
    CHECK(memcmp(a.params.item[0].value, b.params.item[0].value, 36 * sizeof(float)) != 0);
    lab_release(&a);
    lab_release(&b);
}

/* What a run is asked after each step: how much is pruned, that nothing comes back, and what it has cost. */
typedef struct fall {
    lab *l;
    int64_t pruned, flops, image_flops;
} fall;

static void count_pruned(const lab *l, int64_t *pruned, int64_t *weights)
{
    *pruned = *weights = 0;
    for (int i = 0; i < l->params.count; i++) {
        const wn__param *p = &l->params.item[i];
        if (p->role != WN__WEIGHT) continue;
        for (int64_t e = 0; e < p->count; e++) {
            const bool gone = p->mask && !p->mask[e];
            *pruned += gone;
            if (gone && !(p->value[e] == 0.0f && p->slot[0][e] == 0.0f)) WN_TEST_FAIL("%s %lld is not zero", p->name, (long long)e);
        }
        *weights += p->count;
    }
}

static void follow_the_fall(void *user, const wn__train_progress *p)
{
    static const int64_t at[] = {3, 7, 11, 15, 18};
    fall *f = user;
    int64_t pruned, weights, wanted = 0;
    count_pruned(f->l, &pruned, &weights);
    for (int i = 0; i < 5; i++) {
        const double left = (18.0 - (double)at[i]) / 15.0, s = 0.8 + (0.1 - 0.8) * left * left * left;
        if (p->step > at[i]) wanted = weights - llround((1 - s) * (double)weights);
    }
    CHECK_EQ_INT(pruned, wanted);
    CHECK(pruned >= f->pruned);
    const int64_t rest = (p->step - 1) % 5 == 4 ? 130 - 4 * BATCH : BATCH; /* images of the step, at the density before it */
    f->flops += f->image_flops * rest;
    f->pruned = pruned;
    wn__cost cost;
    CHECK_OK(wn__cost_make(f->l->graph, &f->l->params, &cost));
    f->image_flops = cost.training_flops;
    wn__cost_release(&cost);
}

TEST(gradual_pruning_falls_by_its_schedule)
{
    static const char *const backends[] = {"ref", "sparse", "onednn"};
    for (int b = 0; b < 3; b++) {
        if (!wn__backend_find(backends[b])) continue;
        lab l;
        backend = backends[b];
        lab_init(&l, scratch_fresh("fall"), 1, 0);
        backend = "ref";
        add_gradual(&l);
        wn__cost dense;
        CHECK_OK(wn__cost_make(l.graph, &l.params, &dense));
        fall f = {.l = &l, .image_flops = dense.training_flops};
        wn__cost_release(&dense);
        l.stage.progress = follow_the_fall;
        l.stage.user = &f;
        const wn__train_result r = run_ok(&l);
        CHECK_EQ_INT(r.flops_stage, f.flops);
        lab_release(&l);
    }
}

/* ---- stopping, killing, continuing; each in a process of its own */

typedef struct plan {
    const char *path;
    int64_t stop_after;       /* steps; -1: never */
    int64_t checkpoint_steps; /* 0: none by number */
    bool soft, gradual;
    int pause;           /* microseconds after a step */
    rlim_t largest_file; /* 0: no limit */
} plan;

static void pause_or_stop(void *user, const wn__train_progress *p)
{
    const plan *q = user;
    if (p->step == q->stop_after) wn_request_stop();
    if (q->pause) usleep((useconds_t)q->pause);
}

/* In a child: run the stage, leave with the negated status. */
static pid_t start_child(const plan *p)
{
    fflush(NULL);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0) return child;
    lab l;
    wn__train_result result;
    if (p->largest_file) {
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){p->largest_file, p->largest_file});
    }
    lab_init(&l, p->path, 1, 1);
    if (p->soft) add_teacher(&l);
    if (p->gradual) add_gradual(&l);
    l.stage.checkpoint_steps = p->checkpoint_steps;
    l.stage.progress = pause_or_stop;
    l.stage.user = (void *)p;
    _exit(-wn__train_run(&l.stage, &result));
}

/* Its status, or 1 when it was killed. */
static int wait_child(pid_t child)
{
    int how;
    CHECK(waitpid(child, &how, 0) == child);
    return WIFEXITED(how) ? -WEXITSTATUS(how) : 1;
}

TEST(stopping_on_request_at_any_step_changes_nothing)
{
    for (int64_t at = 0; at < STEPS; at += 4) {
        const plan stopped = {.path = scratch_fresh("stopped"), .stop_after = at + 1}, rest = {.path = stopped.path, .stop_after = -1};
        const int status = wait_child(start_child(&stopped));
        CHECK_EQ_INT(status, at + 1 == STEPS ? WN_OK : WN_ESTOPPED);
        CHECK_EQ_INT(wait_child(start_child(&rest)), WN_OK);
        check_same_run(undisturbed(), stopped.path);
    }
}

TEST(gradual_pruning_continues_in_the_same_bytes)
{
    const plan whole = {.path = scratch_fresh("gradual"), .stop_after = -1, .gradual = true};
    CHECK_EQ_INT(wait_child(start_child(&whole)), WN_OK);
    for (int64_t at = 1; at < STEPS; at += 3) {
        const plan stopped = {.path = scratch_fresh("gradual-stopped"), .stop_after = at, .gradual = true};
        const plan rest = {.path = stopped.path, .stop_after = -1, .gradual = true};
        CHECK_EQ_INT(wait_child(start_child(&stopped)), WN_ESTOPPED);
        CHECK_EQ_INT(wait_child(start_child(&rest)), WN_OK);
        check_same_run(whole.path, stopped.path);
    }
}

TEST(killing_at_any_time_changes_nothing)
{
    wn__rng rng = wn__rng_make(5, WN__FOR_TEST, 0, 0);
    lab l;
    lab_init(&l, scratch_fresh("soft"), 1, 0);
    add_teacher(&l);
    run_ok(&l);
    for (int round = 0; round < 3; round++) {
        const plan p = {.path = scratch_fresh("killed"), .stop_after = -1, .checkpoint_steps = 1 + round, .soft = true, .pause = 2000};
        int kills = 0, status;
        do {
            const pid_t child = start_child(&p);
            if (kills < 12) usleep((useconds_t)wn__rng_below(&rng, 60000));
            if (kills++ < 12) kill(child, SIGKILL);
            status = wait_child(child);
            CHECK(status == 1 || status == WN_OK);
        } while (status != WN_OK);
        check_same_run(l.stage.folder, p.path);
    }
    lab_release(&l);
}

TEST(a_write_that_fails_leaves_the_last_good_state)
{
    const plan first = {.path = scratch_fresh("full"), .stop_after = 9},
               no_room = {.path = first.path, .stop_after = -1, .largest_file = 2000}, rest = {.path = first.path, .stop_after = -1};
    CHECK_EQ_INT(wait_child(start_child(&first)), WN_ESTOPPED);
    char *before = read_text(first.path, "checkpoint.safetensors");
    const int status = wait_child(start_child(&no_room));
    CHECK(status == WN_EIO || status == WN_ENOSPACE);
    char *after = read_text(first.path, "checkpoint.safetensors");
    CHECK(memcmp(before, after, 2000) == 0);
    CHECK_EQ_INT(wait_child(start_child(&rest)), WN_OK);
    check_same_run(undisturbed(), first.path);
    wn__free(before);
    wn__free(after);
}

TEST(a_finished_stage_returns_its_result_again)
{
    lab a, b;
    lab_init(&a, scratch_fresh("finished"), 1, 0);
    const wn__train_result first = run_ok(&a);
    lab_init(&b, a.stage.folder, 1, 0);
    const wn__train_result again = run_ok(&b);
    CHECK(memcmp(first.test, again.test, sizeof first.test) == 0 && first.best_step == again.best_step && first.seconds == again.seconds);
    CHECK(memcmp(a.params.item[0].value, b.params.item[0].value, 36 * sizeof(float)) == 0);
    check_same_run(undisturbed(), a.stage.folder);
    lab_release(&a);
    lab_release(&b);
}

/* ---- faults */

static void change_byte(const char *path, int64_t at)
{
    const int fd = open(path, O_RDWR);
    char byte;
    CHECK(fd >= 0 && pread(fd, &byte, 1, at) == 1);
    byte ^= 4;
    CHECK(pwrite(fd, &byte, 1, at) == 1);
    close(fd);
}

static char told[1024]; /* the last warning */
static void keep_warning(void *user, wn_log_level level, const char *text)
{
    (void)user;
    if (level == WN_LOG_WARNING) snprintf(told, sizeof told, "%s", text);
}

/* The run in `path` was damaged: it begins anew, says so, and ends as one that nobody disturbed. */
static void check_begins_anew(const char *path, const char *why)
{
    lab l;
    told[0] = 0;
    lab_init(&l, path, 1, 0);
    wn_log_set_sink(keep_warning, NULL);
    run_ok(&l);
    wn_log_set_sink(NULL, NULL);
    CHECK_HAS_TEXT(told, why);
    CHECK_HAS_TEXT(told, "begins anew");
    lab_release(&l);
    check_same_run(undisturbed(), path);
}

TEST(what_is_damaged_begins_anew)
{
    const plan p = {.path = scratch_fresh("damaged"), .stop_after = 9};
    char *path = wn__path_join(p.path, "checkpoint.safetensors"), *metrics = wn__path_join(p.path, "metrics.jsonl"),
         *timing = wn__path_join(p.path, "timing.jsonl");
    for (int i = 0; i < 5; i++) {
        int64_t size;
        scratch_fresh("damaged");
        CHECK_EQ_INT(wait_child(start_child(&p)), WN_ESTOPPED);
        CHECK_OK(wn__file_size(path, &size));
        if (i < 4)
            change_byte(path, size * i / 4);
        else
            CHECK(truncate(path, size / 2) == 0);
        check_begins_anew(p.path, "checkpoint.safetensors");
    }
    scratch_fresh("damaged");
    CHECK_EQ_INT(wait_child(start_child(&p)), WN_ESTOPPED);
    CHECK(unlink(metrics) == 0);
    check_begins_anew(p.path, "metrics.jsonl");
    scratch_fresh("damaged");
    CHECK_EQ_INT(wait_child(start_child(&p)), WN_ESTOPPED);
    CHECK(unlink(timing) == 0); /* nothing depends on it */
    const plan rest = {.path = p.path, .stop_after = -1};
    CHECK_EQ_INT(wait_child(start_child(&rest)), WN_OK);
    check_same_run(undisturbed(), p.path);
    wn__free(path);
    wn__free(metrics);
    wn__free(timing);
}

TEST(checkpoints_of_another_stage_are_refused)
{
    const plan p = {.path = scratch_fresh("other"), .stop_after = 9};
    CHECK_EQ_INT(wait_child(start_child(&p)), WN_ESTOPPED);
    lab other;
    wn__train_result result;
    lab_init(&other, p.path, 1, 0);
    other.stage.identity = "stage-2";
    CHECK_STATUS(wn__train_run(&other.stage, &result), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), "belongs to another stage");
    lab_release(&other);
    const plan rest = {.path = p.path, .stop_after = -1};
    CHECK_EQ_INT(wait_child(start_child(&rest)), WN_OK);
    check_same_run(undisturbed(), p.path);
}

TEST(checkpoints_of_another_network_are_refused_and_change_nothing)
{
    wn_graph *g = small_graph(SIDE, CLASSES + 1);
    wn__params params = {0};
    char *path = wn__train_final_path(undisturbed());
    CHECK_OK(wn__graph_make_params(g, &params));
    CHECK_STATUS(wn__network_load(path, WN__PART_VALUES, &params), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), "fc2.weight");
    for (int64_t e = 0; e < params.item[0].stored; e++)
        CHECK(params.item[0].value[e] == 0);
    wn__params_release(&params);
    wn_graph_free(g);
    wn__free(path);
}

TEST(divergence_stops_with_step_and_layer)
{
    lab l;
    wn__train_result result;
    lab_init(&l, scratch_fresh("diverged"), 1, 0);
    l.stage.spec.schedule.base = 1e25;
    CHECK_STATUS(wn__train_run(&l.stage, &result), WN_EDIVERGED);
    CHECK_HAS_TEXT(wn_error_message(), "at step 1 ");
    CHECK_HAS_TEXT(wn_error_message(), "layer fc");
    lab_release(&l);
    lab_init(&l, scratch_fresh("diverged"), 1, 0);
    wn__params_find(&l.params, "conv1.weight")->value[0] = NAN;
    CHECK_STATUS(wn__train_run(&l.stage, &result), WN_EDIVERGED);
    CHECK_HAS_TEXT(wn_error_message(), "at step 0 ");
    CHECK_HAS_TEXT(wn_error_message(), "layer conv1");
    lab_release(&l);
}

TEST(networks_that_do_not_fit_the_data_are_refused)
{
    lab l;
    wn__train_result result;
    lab_init(&l, scratch_fresh("misfit"), 1, 0);
    wn_graph *wide = small_graph(SIDE + 2, CLASSES), *more = small_graph(SIDE, CLASSES + 1);
    l.stage.graph = wide;
    CHECK_STATUS(wn__train_run(&l.stage, &result), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), "takes images of 1x10x10, the data set has 1x8x8");
    l.stage.graph = more;
    CHECK_STATUS(wn__train_run(&l.stage, &result), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), "5 outputs, the data set has 4 classes");
    wn_graph_free(wide);
    wn_graph_free(more);
    lab_release(&l);
}

TEST(running_out_of_memory_is_reported_at_every_allocation)
{
    int64_t failures = 0;
    for (int64_t n = 1; n < 400; n += 1 + n / 16) {
        lab l;
        wn__train_result result;
        lab_init(&l, scratch_fresh("memory"), 1, 0);
        l.stage.spec.last = 1;
        wn__alloc_fail_at(n);
        const wn_status status = wn__train_run(&l.stage, &result);
        wn__alloc_fail_at(0);
        CHECK(status == WN_OK || status == WN_ENOMEM);
        failures += status == WN_ENOMEM;
        lab_release(&l);
        if (status == WN_OK) break;
    }
    CHECK(failures > 20);
}

/* ---- soft labels */

static wn__soft_cache_spec cache_spec(const wn__loader_options *loader, const char *identity)
{
    return (wn__soft_cache_spec){.loader = loader, .end_epoch = 5, .classes = CLASSES, .identity = identity};
}

TEST(cached_soft_labels_equal_the_live_teacher)
{
    lab live, cached;
    lab_init(&live, scratch_fresh("live"), 1, 1);
    add_teacher(&live);
    run_ok(&live);
    lab_init(&cached, scratch_fresh("cached"), 1, 1);
    add_teacher(&cached);
    const wn__soft_cache_spec spec = cache_spec(&cached.stage.loader, "teacher");
    char *path = wn__path_join(scratch_fresh("cache"), "labels");
    CHECK_OK(wn__make_folders(scratch_fresh("cache")));
    CHECK_OK(wn__soft_cache_make(path, &spec, &cached.teaching, NULL, NULL));
    int64_t size;
    CHECK_OK(wn__file_size(path, &size));
    CHECK_EQ_INT(size, wn__soft_cache_bytes(&spec));
    CHECK_EQ_INT(size, 64 + 5 * (130 * CLASSES * 4 + 8));
    CHECK_OK(wn__soft_cache_open(path, &spec, &cached.stage.cache));
    cached.stage.teacher = NULL;
    run_ok(&cached);
    check_same_run(live.stage.folder, cached.stage.folder);
    wn__soft_cache_close(cached.stage.cache);
    wn__free(path);
    lab_release(&live);
    lab_release(&cached);
}

static int64_t epochs_made;
static void count_epochs(void *user, int64_t done, int64_t epochs)
{
    (void)user, (void)done, (void)epochs;
    epochs_made++;
}

TEST(soft_labels_that_are_cut_or_damaged_are_made_again)
{
    lab l;
    lab_init(&l, scratch_fresh("cut"), 1, 0);
    add_teacher(&l);
    const wn__soft_cache_spec spec = cache_spec(&l.stage.loader, "teacher"), other = cache_spec(&l.stage.loader, "another");
    char *path = wn__path_join(scratch_fresh("cache"), "labels"), *whole = wn__path_join(scratch_fresh("cache"), "whole");
    CHECK_OK(wn__make_folders(scratch_fresh("cache")));
    CHECK_OK(wn__soft_cache_make(path, &spec, &l.teaching, NULL, NULL));
    CHECK_OK(wn__soft_cache_make(whole, &spec, &l.teaching, NULL, NULL));
    wn__soft_cache *cache;
    const int64_t size = wn__soft_cache_bytes(&spec);
    for (int part = 0; part < 8; part++) {
        CHECK(truncate(path, size * part / 8) == 0);
        CHECK_STATUS(wn__soft_cache_open(path, &spec, &cache), WN_EFORMAT);
        epochs_made = 0;
        CHECK_OK(wn__soft_cache_make(path, &spec, &l.teaching, count_epochs, NULL));
        CHECK_EQ_INT(epochs_made, 5 - (size * part / 8 - 64) / (130 * CLASSES * 4 + 8));
        char *a = read_text(scratch_folder, "cache/whole"), *b = read_text(scratch_folder, "cache/labels");
        CHECK(memcmp(a, b, (size_t)size) == 0);
        wn__free(a);
        wn__free(b);
    }
    CHECK_STATUS(wn__soft_cache_open(path, &other, &cache), WN_EMISMATCH);
    CHECK_STATUS(wn__soft_cache_make(path, &other, &l.teaching, NULL, NULL), WN_EMISMATCH);
    change_byte(path, 20);
    CHECK_STATUS(wn__soft_cache_open(path, &spec, &cache), WN_EFORMAT);
    change_byte(path, 20);
    change_byte(path, 64 + 2 * (130 * CLASSES * 4 + 8) + 100); /* in epoch 2 */
    CHECK_OK(wn__soft_cache_open(path, &spec, &cache));
    float logits[BATCH * CLASSES];
    int64_t samples[BATCH] = {0};
    wn__batch batch = {.epoch = 1, .n = BATCH, .samples = samples};
    CHECK_OK(wn__soft_cache_read(cache, &batch, logits));
    batch.epoch = 2;
    CHECK_STATUS(wn__soft_cache_read(cache, &batch, logits), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "epoch 2");
    CHECK(wn__soft_cache_is_damaged(cache));
    batch.epoch = 5;
    CHECK_STATUS(wn__soft_cache_read(cache, &batch, logits), WN_EINVAL);
    epochs_made = 0;
    CHECK_OK(wn__soft_cache_make(path, &spec, &l.teaching, count_epochs, NULL));
    CHECK_EQ_INT(epochs_made, 3);
    check_same_bytes(whole, path);
    batch.epoch = 0;
    CHECK(truncate(path, 100) == 0); /* under a reader */
    CHECK_STATUS(wn__soft_cache_read(cache, &batch, logits), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "was cut");
    wn__soft_cache_close(cache);
    change_byte(path, 20);
    epochs_made = 0;
    CHECK_OK(wn__soft_cache_make(path, &spec, &l.teaching, count_epochs, NULL));
    CHECK_EQ_INT(epochs_made, 5);
    check_same_bytes(whole, path);
    wn__free(path);
    wn__free(whole);
    lab_release(&l);
}

/* ---- other backends */

/* Breaks the run at the next allocation, which is that of the epoch's metrics. */
static void fail_after(void *user, const wn__train_progress *p)
{
    if (p->step == *(const int64_t *)user) wn__alloc_fail_at(1);
}

/* Masked weights, compressed ones, compressed ones that fail on the way and go on, and a compressed checkpoint that goes on masked. */
TEST(compressed_weights_train_and_continue_to_the_bytes_of_masked_ones)
{
    static const char *const names[] = {"masked", "compressed", "compressed-broken", "compressed-then-masked"};
    const char *path[4];
    for (int i = 0; i < 4; i++) {
        lab l;
        wn__train_result result;
        int64_t at = 15;
        lab_init(&l, path[i] = scratch_fresh(names[i]), 2, 1);
        prune(&l, 0.75);
        CHECK_OK(wn__init_params(&l.params, &(wn__init_options){0}, 3));
        if (i > 0) CHECK_OK(wn__params_compress_masked(&l.params));
        if (i > 1) {
            l.stage.checkpoint_steps = 4;
            l.stage.progress = fail_after;
            l.stage.user = &at;
            CHECK_STATUS(wn__train_run(&l.stage, &result), WN_ENOMEM);
            wn__alloc_fail_at(0);
            l.stage.progress = NULL;
            char *checkpoint = wn__path_join(path[i], "checkpoint.safetensors");
            wn__safetensors *f;
            CHECK_OK(wn__safetensors_open(checkpoint, &f));
            CHECK(wn__safetensors_find(f, "fc1.weight.columns") && wn__safetensors_find(f, "fc1.weight.momentum") &&
                  !wn__safetensors_find(f, "fc1.weight"));
            wn__safetensors_close(f);
            wn__free(checkpoint);
        }
        for (int k = 0; i == 3 && k < l.params.count; k++)
            params_expand(&l.params, &l.params.item[k]);
        run_ok(&l);
        CHECK((wn__params_find(&l.params, "fc1.weight")->pattern != NULL) == (i == 1 || i == 2));
        lab_release(&l);
        check_same_run(path[0], path[i]);
    }
}

/* With a teacher; pruned if asked for. */
static void start(lab *l, const char *name, double sparsity)
{
    lab_init(l, scratch_fresh(name), 2, 1);
    if (sparsity > 0) prune(l, sparsity);
    add_teacher(l);
}

static void check_backend(double sparsity)
{
    lab whole, broken, cached;
    start(&whole, "backend", sparsity);
    run_ok(&whole);
    start(&broken, "broken", sparsity);
    int64_t at = 15;
    broken.stage.checkpoint_steps = 4;
    broken.stage.progress = fail_after;
    broken.stage.user = &at;
    wn__train_result result;
    CHECK_STATUS(wn__train_run(&broken.stage, &result), WN_ENOMEM);
    wn__alloc_fail_at(0);
    broken.stage.progress = NULL;
    run_ok(&broken);
    check_same_run(whole.stage.folder, broken.stage.folder);
    start(&cached, "cached", sparsity);
    const wn__soft_cache_spec spec = cache_spec(&cached.stage.loader, "teacher");
    char *path = wn__path_join(scratch_fresh("cache"), "labels");
    CHECK_OK(wn__make_folders(scratch_fresh("cache")));
    CHECK_OK(wn__soft_cache_make(path, &spec, &cached.teaching, NULL, NULL));
    CHECK_OK(wn__soft_cache_open(path, &spec, &cached.stage.cache));
    cached.stage.teacher = NULL;
    run_ok(&cached);
    check_same_run(whole.stage.folder, cached.stage.folder);
    wn__soft_cache_close(cached.stage.cache);
    wn__free(path);
    lab_release(&whole);
    lab_release(&broken);
    lab_release(&cached);
}

static void check_every_device(wn__dtype stored)
{
    int checked = 0;
    for (int i = 0; wn__backends[i]; i++) {
        backend = wn__backends[i]->name;
        dtype = stored;
        const wn__device_options options = {.dtype = stored};
        wn__device *device;
        if (wn__backends[i]->open(wn__backends[i], &options, &device) != WN_OK) continue;
        device->close(device);
        check_backend(0);
        check_backend(0.75);
        checked++;
    }
    backend = "ref";
    dtype = WN__F32;
    if (!checked) SKIP("no backend of this machine stores this type");
}

TEST(every_backend_continues_and_reads_cached_labels_to_the_same_bytes_in_float32) { check_every_device(WN__F32); }
TEST(every_backend_continues_and_reads_cached_labels_to_the_same_bytes_in_bfloat16) { check_every_device(WN__BF16); }

/* ---- topology updates */

static const wn__topology_rule rules[] = {
    {.grow = WN__GROW_GRADIENT, .alpha = 0.3, .power = 1},
    {.grow = WN__GROW_RANDOM, .drop = WN__DROP_SIGNED, .alpha = 0.4, .update = WN__UPDATE_AFTER, .schedule = WN__FALL_RATE},
    {.grow = WN__GROW_GRADIENT, .alpha = 0.3, .update = WN__UPDATE_AFTER, .regrown = WN__REGROWN_ZERO, .redistribute = WN__SHARE_GRADIENT},
    {.grow = WN__GROW_GRADIENT, .alpha = 0.3, .redistribute = WN__SHARE_MOMENTUM},
    {.grow = WN__GROW_GRADIENT, .alpha = 0.3, .gradient = WN__LOOK_FIXED, .images = 40, .update = WN__UPDATE_AFTER},
    {.grow = WN__GROW_GRADIENT, .alpha = 0.3, .gradient = WN__LOOK_BATCHES, .batches = 3},
    {.grow = WN__GROW_RANDOM,
     .drop = WN__DROP_CROSSED,
     .l1 = 0.3,
     .noise = 0.5,
     .update = WN__UPDATE_AFTER,
     .regrown = WN__REGROWN_ZERO,
     .schedule = WN__FALL_CONSTANT},
    {.grow = WN__GROW_MOMENTUM, .alpha = 0.5, .decay = 0.9, .update = WN__UPDATE_AFTER, .redistribute = WN__SHARE_MOMENTUM},
    {.grow = WN__GROW_RANDOM, .alpha = 0.4, .schedule = WN__FALL_HALVED, .update = WN__UPDATE_AFTER, .lambda = 0.5},
    {.grow = WN__GROW_RANDOM, .alpha = 0.4, .schedule = WN__FALL_HALVED, .update = WN__UPDATE_AFTER, .bound = WN__BOUND_SOFT},
    {.grow = WN__GROW_RANDOM,
     .drop = WN__DROP_THRESHOLD,
     .threshold = 0.05,
     .alpha = 0.1,
     .schedule = WN__FALL_CONSTANT,
     .update = WN__UPDATE_AFTER,
     .regrown = WN__REGROWN_NEVER,
     .redistribute = WN__SHARE_WEIGHTS},
    {.grow = WN__GROW_GRADIENT, .alpha = 0.5, .round = 1, .regrown = WN__REGROWN_ZERO}, /* of kernels */
    {.grow = WN__GROW_RANDOM, .alpha = 0.5, .round = 1, .update = WN__UPDATE_AFTER},    /* of filters */
    {.grow = WN__GROW_GRADIENT, .alpha = 0.3, .gamma = 0.6},                            /* of constant fan-in */
};
static const int blocks[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, WN__BLOCK_KERNEL, WN__BLOCK_FILTER, WN__BLOCK_FAN_IN};
enum { RULES = sizeof rules / sizeof rules[0], EVERY = 3 };

/* What the last step left, to see what the next one changes. */
typedef struct watch {
    lab *l;
    wn__rewiring how;
    wn__pattern before[8];
    int64_t stop_after, changed, updates;
} watch;

static int64_t stored_in(const wn__params *params)
{
    int64_t stored = 0;
    for (int i = 0; i < params->count; i++)
        stored += params->item[i].pattern ? params->item[i].stored : 0;
    return stored;
}

/* Entries that were not there before start at zero, with zero momentum; patterns change at updates only. */
static void check_entries(watch *w, int i, bool update)
{
    const wn__param *p = &w->l->params.item[i];
    const wn__pattern *q = p->pattern, *was = &w->before[i];
    for (int64_t row = 0; was->rows && row < q->rows; row++)
        for (int64_t e = q->row_start[row]; e < q->row_start[row + 1]; e++) {
            if (wn__pattern_find(was, row, q->column[e]) >= 0) continue;
            CHECK(update && p->value[e] == 0 && p->slot[0][e] == 0);
            w->changed++;
        }
    wn__pattern_release(&w->before[i]);
    CHECK_OK(pattern_copy(q, &w->before[i]));
}

static void check_step(void *user, const wn__train_progress *p)
{
    watch *w = user;
    const bool update = wn__rewiring_is_due(&w->how, p->step - 1);
    w->updates += update;
    if (w->how.block ==
        WN__BLOCK_FAN_IN) /* 4 of 9, 32 of 64 and 6 of 12 inputs of each output; what is left over is less than one for each */
        CHECK(stored_in(&w->l->params) <= 424 && stored_in(&w->l->params) > 424 - 4 - 12);
    else if (w->how.rule.bound == WN__BOUND_SOFT && p->step <= 20) /* more by 0.4 until 8, by 0.2 until 20 */
        CHECK(stored_in(&w->l->params) > 426 && stored_in(&w->l->params) <= 426 + 426 * (p->step <= 9 ? 4 : 2) / 10);
    else
        CHECK_EQ_INT(stored_in(&w->l->params), 426); /* of 852 at every step */
    for (int i = 0; i < w->l->params.count; i++)
        if (w->l->params.item[i].pattern) check_entries(w, i, update);
    if (p->step == w->stop_after) wn_request_stop();
}

/* Half of each layer. */
static void draw_blocks(lab *l, int block)
{
    const char *const all = "all";
    wn__selection s;
    int64_t active[16];
    CHECK_OK(wn__selection_make(l->graph, &all, 1, &s));
    for (int i = 0; i < l->params.count; i++)
        active[i] = l->params.item[i].count / 2;
    CHECK_OK(wn__blocks_round(&l->params, &s, block, active));
    CHECK_OK(wn__blocks_random(&l->params, &s, block, active, 5));
    wn__selection_release(&s);
}

static int64_t micro_batch; /* of the runs that follow; 0: the whole batch */

/* A run with rule `which`; in a child it may be stopped. */
static wn_status rewire(const char *path, int which, int threads, int64_t stop_after, wn__train_result *result)
{
    lab l;
    lab_init(&l, path, threads, 1);
    if (blocks[which])
        draw_blocks(&l, blocks[which]);
    else
        prune(&l, 0.5);
    CHECK_OK(wn__init_params(&l.params, &(wn__init_options){0}, 3));
    watch w = {
        .l = &l, .how = {.rule = rules[which], .end = 20, .interval = EVERY, .half = 8, .block = blocks[which]}, .stop_after = stop_after};
    l.stage.spec.rewires = true;
    l.stage.spec.rewiring = w.how;
    l.stage.micro_batch = micro_batch;
    l.stage.progress = check_step;
    l.stage.user = &w;
    const wn_status status = wn__train_run(&l.stage, result);
    if (status == WN_OK && stop_after == -1) { /* from the start to the end */
        CHECK_EQ_INT(result->rewired.updates, w.updates);
        CHECK(w.changed > 0 && w.changed <= result->rewired.grown - result->rewired.regrown);
    }
    for (int i = 0; i < 8; i++)
        wn__pattern_release(&w.before[i]);
    lab_release(&l);
    return status;
}

static int rewire_in_child(const char *path, int which, int64_t stop_after)
{
    fflush(NULL);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0) return wait_child(child);
    wn__train_result result;
    _exit(-rewire(path, which, 1, stop_after, &result));
}

static void check_same_rewiring(const char *a, const char *b)
{
    check_same_run(a, b);
    check_same_file(a, b, "topology.jsonl");
}

TEST(topology_updates_keep_the_number_of_weights_at_every_step_and_new_ones_start_at_zero)
{
    for (int which = 0; which < RULES; which++) {
        wn__train_result r;
        const char *path = scratch_fresh("rewired");
        CHECK_OK(rewire(path, which, 1, -1, &r));
        CHECK_EQ_INT(r.rewired.updates, 7 + (rules[which].bound == WN__BOUND_SOFT)); /* steps 0, 3, ... 18, and 20 */
        if (blocks[which] != WN__BLOCK_FAN_IN) CHECK_EQ_INT(r.rewired.dropped, r.rewired.grown);
        CHECK(r.rewired.explored > 426 && r.rewired.explored <= 852 && r.rewired.entries == 852);
        char *text = read_text(path, "topology.jsonl");
        CHECK_HAS_TEXT(text, "{\"stage\":\"dense\",\"step\":5,\"updates\":2,\"dropped\":");
        CHECK_HAS_TEXT(text, "\"active\":{\"conv1.weight\":");
        wn__free(text);
    }
}

/* Random growth looks at no gradient: micro-batches change nothing for it. */
static bool is_tested(int which) { return micro_batch == 0 || rules[which].grow != WN__GROW_RANDOM; }

static void check_threads(int most)
{
    for (int which = 0; which < RULES; which++) {
        if (!is_tested(which)) continue;
        const char *first = scratch_fresh("rewired-1");
        wn__train_result r;
        CHECK_OK(rewire(first, which, 1, -1, &r));
        for (int threads = 2; threads <= most; threads++) {
            const char *other = scratch_fresh("rewired-n");
            CHECK_OK(rewire(other, which, threads, -1, &r));
            check_same_rewiring(first, other);
        }
    }
}

TEST(topology_updates_are_the_same_for_any_threads) { check_threads(5); }

static void check_stops(void)
{
    for (int which = 0; which < RULES; which++) {
        if (!is_tested(which)) continue;
        const char *whole = scratch_fresh("rewired-whole");
        wn__train_result r;
        CHECK_OK(rewire(whole, which, 1, -1, &r));
        for (int64_t at = 1 + which % 7; at < STEPS; at += 7) { /* all rules together stop after every step */
            const char *stopped = scratch_fresh("rewired-stopped");
            CHECK_EQ_INT(rewire_in_child(stopped, which, at), WN_ESTOPPED);
            CHECK_EQ_INT(rewire_in_child(stopped, which, -2), WN_OK);
            check_same_rewiring(whole, stopped);
        }
    }
}

TEST(stopping_between_topology_updates_changes_nothing) { check_stops(); }

TEST(stopping_between_topology_updates_changes_nothing_on_stored_entries)
{
    backend = "sparse";
    check_stops();
    backend = "ref";
}

TEST(topology_updates_in_micro_batches_survive_stops_and_are_the_same_for_any_threads)
{
    backend = "sparse";
    micro_batch = 10;
    check_threads(3);
    check_stops();
    micro_batch = 0;
    backend = "ref";
}

/* ---- evaluation */

TEST(evaluation_counts_every_sample_once)
{
    lab l;
    lab_init(&l, scratch_fresh("evaluate"), 2, 0);
    run_ok(&l);
    const wn__executor_options options = {.batch = 16};
    wn__executor *ex;
    CHECK_OK(wn__executor_new(l.graph, &l.params, l.device, &options, &ex));
    wn__loader_options o = l.stage.loader;
    o.part = WN__PART_TEST;
    o.batch = 16;
    wn__evaluator *evaluator;
    wn__evaluation e, again;
    CHECK_OK(wn__evaluator_new(&o, NULL, &evaluator));
    CHECK_OK(wn__evaluator_run(evaluator, ex, l.pool, true, &e));
    CHECK_OK(wn__evaluator_run(evaluator, ex, NULL, false, &again));
    CHECK(e.loss == again.loss && memcmp(e.score, again.score, sizeof e.score) == 0 && again.confusion == NULL);
    int64_t sum = 0, diagonal = 0;
    double weighted = 0;
    for (int t = 0; t < CLASSES; t++) {
        int64_t row = 0;
        for (int p = 0; p < CLASSES; p++)
            row += e.confusion[t * CLASSES + p];
        diagonal += e.confusion[t * CLASSES + t];
        sum += row;
        weighted += (double)row * wn__evaluation_class_accuracy(&e, t);
    }
    CHECK_EQ_INT(sum, TEST_COUNT);
    CHECK_EQ_INT(e.n, TEST_COUNT);
    const double accuracy = wn__evaluation_score(&e, "accuracy"), soft_error = wn__evaluation_score(&e, "soft-error");
    CHECK_NEAR((double)diagonal / TEST_COUNT, accuracy, 1e-12, 0);
    CHECK_NEAR(weighted / TEST_COUNT, accuracy, 1e-12, 0);
    CHECK(soft_error > 0 && soft_error < 1);
    wn__evaluation_release(&e);
    wn__evaluator_free(evaluator);
    wn__executor_free(ex);
    lab_release(&l);
}

TEST(statistics_are_measured_anew_without_touching_weights)
{
    lab l;
    lab_init(&l, scratch_fresh("reestimate"), 1, 0);
    run_ok(&l);
    wn__param *mean = wn__params_find(&l.params, "bn1.running_mean"), *variance = wn__params_find(&l.params, "bn1.running_var");
    const wn__param *conv = wn__params_find(&l.params, "conv1.weight");
    float weights[36], found[4];
    memcpy(weights, conv->value, sizeof weights);
    const wn__executor_options options = {.batch = BATCH};
    wn__executor *ex;
    for (int trial = 0; trial < 2; trial++) { /* whatever was there before */
        for (int c = 0; c < 4; c++) {
            mean->value[c] = 100 * (float)trial;
            variance->value[c] = 50;
        }
        CHECK_OK(wn__executor_new(l.graph, &l.params, l.device, &options, &ex));
        CHECK_OK(wn__reestimate_statistics(ex, &l.stage.loader, 0));
        wn__executor_free(ex);
        for (int c = 0; trial && c < 4; c++)
            CHECK_NEAR(mean->value[c], found[c], 0.01, 0);
        memcpy(found, mean->value, sizeof found);
    }
    CHECK(memcmp(weights, conv->value, sizeof weights) == 0);
    CHECK(variance->value[0] < 5);
    lab_release(&l);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(training_learns_and_reports_the_last_and_the_best_epoch),
                                    RUN(metrics_have_their_keys_and_nothing_else),
                                    RUN(what_the_trained_network_takes_each_class_for_is_kept),
                                    RUN(network_files_tell_what_a_reader_needs),
                                    RUN(same_bytes_for_any_threads),
                                    RUN(masked_weights_stay_zero_and_are_counted),
                                    RUN(the_average_is_that_of_the_weights_after_each_step),
                                    RUN(the_average_survives_a_stop_and_knows_masks),
                                    RUN(steps_after_the_first_allocate_nothing),
                                    RUN(micro_batches_compute_every_sample),
                                    RUN(a_kept_state_with_its_slots_continues_to_the_same_bytes),
                                    RUN(an_offset_shifts_the_data_alone),
                                    RUN(gradual_pruning_falls_by_its_schedule),
                                    RUN(gradual_pruning_continues_in_the_same_bytes),
                                    RUN(stopping_on_request_at_any_step_changes_nothing),
                                    RUN(killing_at_any_time_changes_nothing),
                                    RUN(a_write_that_fails_leaves_the_last_good_state),
                                    RUN(a_finished_stage_returns_its_result_again),
                                    RUN(what_is_damaged_begins_anew),
                                    RUN(checkpoints_of_another_stage_are_refused),
                                    RUN(checkpoints_of_another_network_are_refused_and_change_nothing),
                                    RUN(divergence_stops_with_step_and_layer),
                                    RUN(networks_that_do_not_fit_the_data_are_refused),
                                    RUN(running_out_of_memory_is_reported_at_every_allocation),
                                    RUN(cached_soft_labels_equal_the_live_teacher),
                                    RUN(soft_labels_that_are_cut_or_damaged_are_made_again),
                                    RUN(evaluation_counts_every_sample_once),
                                    RUN(statistics_are_measured_anew_without_touching_weights),
                                    RUN(compressed_weights_train_and_continue_to_the_bytes_of_masked_ones),
                                    RUN(every_backend_continues_and_reads_cached_labels_to_the_same_bytes_in_float32),
                                    RUN(every_backend_continues_and_reads_cached_labels_to_the_same_bytes_in_bfloat16),
                                    RUN(topology_updates_keep_the_number_of_weights_at_every_step_and_new_ones_start_at_zero),
                                    RUN(topology_updates_are_the_same_for_any_threads),
                                    RUN(several_teachers_give_the_mean_of_their_outputs),
                                    RUN(stopping_between_topology_updates_changes_nothing),
                                    RUN(stopping_between_topology_updates_changes_nothing_on_stored_entries),
                                    RUN(topology_updates_in_micro_batches_survive_stops_and_are_the_same_for_any_threads),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
