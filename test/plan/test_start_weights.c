/* Plans whose dense network was trained elsewhere. */
#include "plans.h"
#include "scratch_folder.h"

#define DENSE "dense seed 0"

static const char *write_resnet8(const char *name, int classes, uint64_t seed)
{
    write_network(scratch_path(name), "resnet8", classes, seed);
    return scratch_path(name);
}

/* "model={arch: resnet8, weights: <file>, <more>}" */
static const char *model(const char *file, const char *more)
{
    static char text[2][2048];
    static int turn;
    char *out = text[turn++ % 2];
    snprintf(out, sizeof text[0], "model={arch: resnet8, weights: %s%s}", file, more);
    return out;
}

static expanded expand_with(const char *model_section, const char *compare, const char *methods)
{
    const char *const more[] = {model_section, compare, methods, NULL};
    return expand(more, 1);
}

static void check_failed(const char *model_section, const char *compare, const char *methods, wn_status status, const char *text)
{
    const char *const set[] = {basic[0], model_section, basic[2], compare, methods ? methods : "threads=1"};
    wn__recipe *recipe;
    wn__agenda *plan = NULL;
    wn__machine machine;
    const wn__recipe_source source = {.set = set, .sets = 5};
    CHECK_OK(wn__machine_choose("ref", WN__F32, 1, &machine));
    CHECK_OK(wn__recipe_read(&source, &recipe));
    CHECK_STATUS(wn__agenda_make(recipe, &machine, &plan), status);
    CHECK_HAS_TEXT(wn_error_message(), text);
    wn__recipe_free(recipe);
}

static void check_refused(const char *model_section, const char *compare, const char *methods, const char *text)
{
    check_failed(model_section, compare, methods, WN_EUSAGE, text);
}

TEST(the_dense_run_is_the_file_as_it_is)
{
    const char *file = write_resnet8("dense", 10, 1);
    expanded e =
        expand_with(model(file, ""),
                    "compare={methods: [dense, fine-tune, lr-rewind, kd-fine-tune, gradual-pruning], sparsity: [90%], seeds: 0}", NULL);
    const wn__stage *dense = find_label(e.plan, DENSE);
    const int index = (int)(dense - e.plan->stage);
    CHECK_EQ_TEXT(dense->train.start_file, file);
    CHECK_EQ_INT(dense->train.spec.first, dense->train.spec.last);
    CHECK_EQ_INT(find_label(e.plan, "fine-tune 90% seed 0")->train.start_stage, index);
    CHECK(find_label(e.plan, "fine-tune 90% seed 0")->train.spec.last > 0);
    CHECK_EQ_INT(find_label(e.plan, "mask 90% seed 0")->mask.source, index);
    CHECK_EQ_INT(find_label(e.plan, "kd-fine-tune 90% seed 0")->train.teacher.stage, index);
    CHECK_EQ_TEXT(find_label(e.plan, "gradual-pruning 90% seed 0")->train.start_file, file);
    release(&e);
}

TEST(networks_that_begin_anew_do_not_depend_on_it)
{
    static const char compare[] = "compare={methods: [rigl, snip, reinit], sparsity: [90%], seeds: 0}";
    char plain[2][WN__SHA256_TEXT];
    static const char *const labels[] = {"rigl 90% seed 0", "snip 90% seed 0"};
    expanded e = expand_with("model={arch: resnet8}", compare, NULL);
    for (int i = 0; i < 2; i++)
        strcpy(plain[i], find_label(e.plan, labels[i])->identity);
    release(&e);
    e = expand_with(model(write_resnet8("dense", 10, 1), ""), compare, NULL);
    for (int i = 0; i < 2; i++)
        CHECK_EQ_TEXT(find_label(e.plan, labels[i])->identity, plain[i]);
    release(&e);
}

TEST(rewinding_wants_a_file_of_that_step)
{
    static const char ticket[] = "compare={methods: [lottery-ticket], sparsity: [90%], seeds: 0}";
    char more[512];
    const char *file = write_resnet8("dense", 10, 1), *early = write_resnet8("early", 10, 2);
    check_refused(model(file, ""), ticket, NULL, "lottery-ticket: rewinds to step 0 of the dense run, which did not happen here");
    snprintf(more, sizeof more, ", rewind_file: %s", early);
    expanded e = expand_with(model(file, more), ticket, "mask.rounds=2");
    CHECK_EQ_TEXT(find_label(e.plan, "lottery-ticket 90% seed 0")->train.start_file, early);
    release(&e);
    check_refused(model(file, more), "compare={methods: [lottery-ticket, weight-rewind], sparsity: [90%], seeds: 0}",
                  "methods={weight-rewind: {rewind: 10it}}", "another row to step 0");
    check_refused(model(file, more), "compare={methods: [weight-rewind], sparsity: [90%], seeds: 0}",
                  "methods={weight-rewind: {rewind: 10it, optimizer_state: rewound}}", "has weights alone");
}

TEST(a_last_layer_of_other_classes_is_asked_for)
{
    static const char compare[] = "compare={methods: [dense, lottery-ticket], sparsity: [90%], seeds: 0}";
    const char *file = write_resnet8("other", 7, 1);
    check_refused(model(file, ""), compare, NULL, "fc.weight is 7x64, wanted 10x64; fc.bias is 7, wanted 10");
    check_refused(model(file, ""), compare, NULL, "model.classes: from-data");
    expanded e = expand_with(model(file, ", classes: from-data"), compare, NULL);
    const wn__stage *dense = find_label(e.plan, DENSE);
    CHECK(e.plan->new_head);
    CHECK(dense->train.spec.last > dense->train.spec.first);
    CHECK_EQ_TEXT(json_string_value(json_object_get(json_object_get(dense->inputs, "start"), "head")), "drawn");
    CHECK_EQ_TEXT(find_label(e.plan, "lottery-ticket 90% seed 0")->train.start_file, file);
    release(&e);
}

TEST(other_networks_are_refused_by_their_tensors)
{
    const char *const compare = basic[3], *file = write_resnet8("dense", 10, 1);
    char section[600];
    snprintf(section, sizeof section, "model={arch: resnet20, weights: %s}", file);
    check_refused(section, compare, NULL, "weights of another network than resnet20");
    check_refused(model(file, ""), compare, "methods={dense: {start_file: x}}", "and model.weights is there, too");
}

TEST(files_of_rows_fit_their_networks)
{
    static const char *const rows[] = {"dense", "lr-rewind", "snip", "small-dense"};
    char methods[600], compare[200], wanted[600];
    const char *file = write_resnet8("other", 7, 1);
    for (int i = 0; i < 4; i++) {
        snprintf(methods, sizeof methods, "methods={%s: {start_file: %s}}", rows[i], file);
        snprintf(compare, sizeof compare, "compare={methods: [%s], sparsity: [90%%], seeds: 0}", rows[i]);
        snprintf(wanted, sizeof wanted, "start_file: %s: ", file);
        check_failed("model={arch: resnet8}", compare, methods, WN_EMISMATCH, wanted);
        CHECK_HAS_TEXT(wn_error_message(), i < 3 ? "fc.weight is 7x" : "conv1.weight is 16x3x3x3, wanted 5x3x3x3");
    }
}

TEST(teachers_may_be_others_and_several)
{
    static const char compare[] = "compare={methods: [kd-fine-tune], sparsity: [90%], seeds: 0}";
    const char *first = write_resnet8("first", 10, 1), *second = scratch_path("second");
    char teachers[1600], key[WN__SHA256_TEXT];
    write_network(second, "resnet20", 10, 2);
    snprintf(teachers, sizeof teachers, "teacher={file: %s, arch: resnet20}", second);
    expanded e = expand_with("model={arch: resnet8}", compare, teachers);
    const wn__stage *s = find_label(e.plan, "kd-fine-tune 90% seed 0");
    const json_t *labels = json_object_get(s->inputs, "labels");
    CHECK_EQ_INT(s->train.teacher.files->count, 1);
    CHECK(s->train.teacher.flops > wn_graph_forward_flops(e.recipe->graph));
    CHECK_EQ_TEXT(json_string_value(json_object_get(labels, "teacher_arch")), "resnet20");
    strcpy(key, s->identity);
    release(&e);
    snprintf(teachers, sizeof teachers, "teacher=[{file: %s, arch: resnet20, cache: off}, {file: %s}]", second, first);
    e = expand_with("model={arch: resnet8}", compare, teachers);
    s = find_label(e.plan, "kd-fine-tune 90% seed 0");
    CHECK_EQ_INT(s->train.teacher.files->count, 2);
    CHECK_EQ_INT(s->train.cache_mode, WN__CACHE_OFF);
    CHECK(strcmp(s->identity, key) != 0);
    release(&e);
    snprintf(teachers, sizeof teachers, "teacher={file: %s, arch: resnet20}", first);
    check_refused("model={arch: resnet8}", compare, teachers, "kd-fine-tune: teacher: ");
}

TEST(frozen_weights_are_part_of_keys_and_cannot_grow)
{
    static const char compare[] = "compare={methods: [dense], sparsity: [90%], seeds: 0}";
    char plain[WN__SHA256_TEXT];
    expanded e = expand_with("model={arch: resnet8}", compare, NULL);
    strcpy(plain, find_label(e.plan, DENSE)->identity);
    release(&e);
    e = expand_with("model={arch: resnet8}", compare, "train.freeze=[conv1, layer1.*]");
    CHECK(strcmp(find_label(e.plan, DENSE)->identity, plain) != 0);
    CHECK_EQ_INT(find_label(e.plan, DENSE)->train.spec.freezing.count, 2);
    release(&e);
    check_refused("model={arch: resnet8}", "compare={methods: [rigl], sparsity: [90%], seeds: 0}", "train.freeze=[conv1]",
                  "rigl: train.freeze");
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(the_dense_run_is_the_file_as_it_is),
                                    RUN(networks_that_begin_anew_do_not_depend_on_it),
                                    RUN(rewinding_wants_a_file_of_that_step),
                                    RUN(a_last_layer_of_other_classes_is_asked_for),
                                    RUN(other_networks_are_refused_by_their_tensors),
                                    RUN(files_of_rows_fit_their_networks),
                                    RUN(teachers_may_be_others_and_several),
                                    RUN(frozen_weights_are_part_of_keys_and_cannot_grow),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
