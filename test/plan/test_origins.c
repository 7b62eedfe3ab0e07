/* Where the stages of a plan come from: its dense network, files, other rows; nothing else is planned. */
#include <unistd.h>

#include "base/alloc.h"
#include "network/masks_file.h"
#include "plans.h"
#include "scratch_folder.h"
#include "test.h"

#define DENSE "dense seed 0"
#define TICKET "lottery-ticket 90% seed 0"
#define KD "kd-ticket 90% seed 0"

/* A message of wrong usage that has this text. */
static void check_refused(const char *const *more, const char *text)
{
    const char *set[MOST];
    int sets = 0;
    wn__recipe *recipe = NULL;
    wn__agenda *plan = NULL;
    wn__machine machine;
    for (; sets < BASIC; sets++)
        set[sets] = basic[sets];
    for (; *more; more++)
        set[sets++] = *more;
    const wn__recipe_source source = {.set = set, .sets = sets};
    CHECK_OK(wn__machine_choose("ref", WN__F32, 1, &machine));
    wn_status status = wn__recipe_read(&source, &recipe);
    if (status == WN_OK) status = wn__agenda_make(recipe, &machine, &plan);
    CHECK_STATUS(status, WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), text);
    wn__recipe_free(recipe);
}

static int index_of(const wn__agenda *plan, const char *label) { return (int)(find_label(plan, label) - plan->stage); }

/* Where files lie that recipes name. */
static void enter_folder(void)
{
    CHECK_EQ_INT(chdir(scratch_folder), 0);
    write_network("teacher.safetensors", "resnet20", 10, 1);
    write_network("start.safetensors", "resnet20", 10, 2);
}

/* Masks, final weights and teachers are those of the one dense network, however its row trains it. */
TEST(a_changed_dense_row_is_the_dense_network)
{
    static const char *const changes[] = {"start_file: start.safetensors",
                                          "labels: smooth",
                                          "data_order: new, order: 3",
                                          "backend: sparse",
                                          "stretch: 2",
                                          "retrain: 5ep",
                                          "schedule: constant",
                                          "labels: soft, teacher: {file: teacher.safetensors}"};
    char plain[WN__SHA256_TEXT], methods[512];
    enter_folder();
    expanded unchanged = expand(NULL, 1);
    strcpy(plain, find_label(unchanged.plan, DENSE)->identity);
    release(&unchanged);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        snprintf(methods, sizeof methods, "methods={dense: {%s}}", changes[i]);
        const char *const more[] = {"compare={methods: [lottery-ticket, lr-rewind, kd-ticket, dense], sparsity: [90%]}", methods, NULL};
        expanded e = expand(more, 1);
        const int dense = index_of(e.plan, DENSE);
        CHECK(strcmp(e.plan->stage[dense].identity, plain) != 0);
        CHECK_EQ_INT(count_kind(e.plan, WN__STAGE_TRAIN), 4);
        CHECK_EQ_INT(e.plan->row[3].train, dense);
        CHECK_EQ_INT(find_label(e.plan, "mask 90% seed 0")->mask.source, dense);
        CHECK_EQ_INT(find_label(e.plan, "lr-rewind 90% seed 0")->train.start_stage, dense);
        CHECK_EQ_INT(find_label(e.plan, KD)->train.teacher.stage, dense);
        release(&e);
    }
}

TEST(start_weights_and_stream_are_those_of_the_dense_network)
{
    const char *const more[] = {"compare={methods: [lottery-ticket, weight-rewind, reinit, snip, static, small-dense], sparsity: [90%]}",
                                "methods={dense: {start_file: start.safetensors, data_order: new, order: 3}, "
                                "lottery-ticket: {data_order: same-as-dense}}",
                                NULL};
    enter_folder();
    expanded e = expand(more, 1);
    const wn__train_plan *ticket = &find_label(e.plan, TICKET)->train, *rewound = &find_label(e.plan, "weight-rewind 90% seed 0")->train;
    const wn__stage *dense = find_label(e.plan, DENSE);
    CHECK(strstr(dense->train.start_file, "start.safetensors"));
    CHECK_EQ_TEXT(ticket->start_file, dense->train.start_file);
    CHECK(!ticket->dense_stream && ticket->order == 3);
    CHECK_EQ_INT(rewound->start_stage, dense - e.plan->stage);
    CHECK_EQ_INT(dense->train.spec.keep[0], rewound->start_step);
    CHECK_EQ_TEXT(find_label(e.plan, "reinit 90% seed 0")->train.start_file, "");
    CHECK_EQ_TEXT(find_label(e.plan, "snip mask at the start 90% seed 0")->mask.start_file, dense->train.start_file);
    CHECK_EQ_TEXT(find_label(e.plan, "snip 90% seed 0")->train.start_file, dense->train.start_file);
    CHECK_EQ_TEXT(find_label(e.plan, "static 90% seed 0")->train.start_file, dense->train.start_file);
    CHECK_EQ_TEXT(find_label(e.plan, "small-dense 90% seed 0")->train.start_file, ""); /* another network */
    release(&e);
}

TEST(what_cannot_be_the_dense_network_is_refused)
{
    static const char *const dense[] = {"mask: drawn",         "start: redrawn", "start: final",        "start: rewound, rewind: 5ep",
                                        "init: fan-in-normal", "labels: soft",   "data_order: continue"};
    static const char *const times[] = {"stretch: 2", "retrain: 5ep", "schedule: constant", "schedule: rewound, rewind: 1ep"};
    static const char *const rows[] = {"{start: rewound, rewind: 1ep}", "{schedule: rewound, rewind: 1ep}", "{schedule: constant}",
                                       "{data_order: continue}"};
    char methods[256];
    const char *const more[] = {methods, NULL};
    for (size_t i = 0; i < sizeof dense / sizeof *dense; i++) {
        snprintf(methods, sizeof methods, "methods={dense: {%s}}", dense[i]);
        check_refused(more, "dense: masks, rewound weights and teachers come from this row");
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            snprintf(methods, sizeof methods, "methods={dense: {%s}, lottery-ticket: %s}", times[i], rows[j]);
            check_refused(more, "lottery-ticket: goes back to a time of the dense run");
        }
    snprintf(methods, sizeof methods, "methods={dense: {stretch: 1, retrain: 100%%}, lottery-ticket: {start: rewound, rewind: 1ep}}");
    expanded e = expand(more, 1);
    release(&e);
}

TEST(training_the_dense_network_alone_follows_its_row)
{
    const char *const set[] = {basic[0], basic[1], basic[2], "methods={dense: {stretch: 2}}"};
    const wn__recipe_source source = {.set = set, .sets = 4, .no_compare = true};
    wn__recipe *recipe;
    wn__agenda *plan;
    wn__machine machine;
    CHECK_OK(wn__recipe_read(&source, &recipe));
    CHECK_OK(wn__machine_choose("ref", WN__F32, 1, &machine));
    CHECK_OK(wn__agenda_make_dense(recipe, &machine, 0, &plan));
    CHECK_EQ_INT(plan->stages, 1);
    CHECK_EQ_INT(plan->stage[0].train.spec.last, 2 * 3520);
    wn__agenda_free(plan);
    wn__recipe_free(recipe);
}

/* A file with a mask that leaves half of the first layer. */
static const char *masks_file(void)
{
    static char path[64];
    uint8_t mask[432];
    wn__params params = {0};
    expanded e = expand(NULL, 1);
    CHECK_OK(wn__graph_make_params(e.recipe->graph, &params));
    for (int i = 0; i < 432; i++)
        mask[i] = i % 2 == 0;
    CHECK_OK(wn__params_set_mask(&params, wn__params_find(&params, "conv1.weight"), mask));
    snprintf(path, sizeof path, "/tmp/winnow-masks-%d", (int)getpid());
    CHECK_OK(wn__masks_save(path, &params));
    wn__params_release(&params);
    release(&e);
    return path;
}

/* Nobody knows which weights a mask from a file was made from: no dense network is trained for it, and what is evaluated are the row's own. */
TEST(masks_from_files_need_no_dense_network)
{
    char mask[128];
    enter_folder();
    snprintf(mask, sizeof mask, "mask.file=%s", masks_file());
    static const char *const rows[] = {
        "{like: lottery-ticket}", "{like: kd-ticket, start_file: start.safetensors, teacher: {file: teacher.safetensors}}",
        "{like: random-ticket, start_file: start.safetensors}", "{like: lr-rewind}", "{like: weight-rewind}"};
    static const int trained[] = {1, 1, 1, 2, 2}, evaluated[] = {0, 1, 1, 1, 0};
    for (int i = 0; i < 5; i++) {
        char methods[512];
        snprintf(methods, sizeof methods, "methods={x: %s}", rows[i]);
        const char *const more[] = {"compare={methods: [x], sparsity: [90%]}", mask, methods, NULL};
        expanded e = expand(more, 1);
        const wn__agenda_row *row = &e.plan->row[0];
        CHECK_EQ_INT(e.plan->rows, 1);
        CHECK_NEAR(row->sparsity, 0.5, 0, 0);
        CHECK_EQ_INT(count_kind(e.plan, WN__STAGE_TRAIN), trained[i]);
        CHECK_EQ_INT(row->evaluate >= 0, evaluated[i]);
        if (evaluated[i]) {
            const wn__stage *stage = &e.plan->stage[row->evaluate];
            CHECK_EQ_INT(stage->evaluate.mask, row->mask);
            CHECK_EQ_INT(stage->evaluate.source, i == 3 ? index_of(e.plan, DENSE) : -1);
            CHECK_EQ_INT(json_is_string(json_object_get(stage->inputs, "file")), i != 3);
        }
        release(&e);
    }
    unlink(masks_file());
}

/* Rows that masks are of give their weights without a mask, too; they are the rows as they would be compared, without results of their own. */
TEST(rows_that_masks_are_of_are_the_only_source)
{
    const char *const more[] = {
        "compare={methods: [a, b, c, d], sparsity: [0%, 90%]}",
        "methods={x: {like: dense, data_order: new, order: 1}, a: {like: weight-rewind, mask: {of: x}}, b: {like: lr-rewind, "
        "mask: {of: gradual-pruning}}, c: {like: lottery-ticket, mask: {of: kd-ticket}}, d: {like: lottery-ticket, "
        "mask: {of: rigl, layers: all}}}",
        NULL};
    const char *const rigl[] = {"compare={methods: [rigl], sparsity: [90%]}", NULL};
    expanded e = expand(more, 1), other = expand(rigl, 1);
    CHECK_EQ_INT(find_label(e.plan, "a 0% seed 0")->train.start_stage, index_of(e.plan, "x seed 0"));
    CHECK_EQ_INT(find_label(e.plan, "a 90% seed 0")->train.start_stage, index_of(e.plan, "x seed 0"));
    CHECK_EQ_INT(find_label(e.plan, "b 0% seed 0")->train.start_stage, index_of(e.plan, "gradual-pruning 0% seed 0"));
    CHECK_EQ_INT(find_label(e.plan, "b 90% seed 0")->train.start_stage, index_of(e.plan, "gradual-pruning 90% seed 0"));
    CHECK_EQ_INT(count_kind(e.plan, WN__STAGE_EVALUATE), 4);
    CHECK_EQ_TEXT(find_label(e.plan, "rigl 90% seed 0")->identity, find_label(other.plan, "rigl 90% seed 0")->identity);
    release(&e);
    release(&other);
    const char *const early[] = {"compare={methods: [a], sparsity: [90%]}",
                                 "methods={x: {like: weight-rewind, rewind: 5ep}, a: {like: weight-rewind, rewind: 1ep, mask: {of: x}}}",
                                 NULL};
    check_refused(early, "a: rewind: step 352 is none of \"x 90% seed 0\"");
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(a_changed_dense_row_is_the_dense_network),
                                    RUN(start_weights_and_stream_are_those_of_the_dense_network),
                                    RUN(what_cannot_be_the_dense_network_is_refused),
                                    RUN(training_the_dense_network_alone_follows_its_row),
                                    RUN(masks_from_files_need_no_dense_network),
                                    RUN(rows_that_masks_are_of_are_the_only_source),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
