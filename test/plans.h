/* Recipes expanded into stages, for tests. */
#ifndef WN_TEST_PLANS_H
#define WN_TEST_PLANS_H

#include "base/alloc.h"
#include "models/model.h"
#include "network/network_file.h"
#include "nn/init.h"
#include "plan/agenda.h"
#include "test.h"

/* What holds of every plan: a label names one stage, and every stage is read. */
static inline void check_plan(const wn__agenda *plan)
{
    bool *read = WN_NEW_ARRAY(bool, plan->stages);
    CHECK(read);
    for (int i = 0; i < plan->rows; i++) {
        const wn__agenda_row *row = &plan->row[i];
        wn__agenda_mark_needed(plan, row->train, read);
        if (row->evaluate >= 0) wn__agenda_mark_needed(plan, row->evaluate, read);
    }
    for (int i = 0; i < plan->stages; i++) {
        if (!read[i]) WN_TEST_FAIL("nothing reads \"%s\"", plan->stage[i].label);
        for (int j = 0; j < i; j++)
            if (strcmp(plan->stage[i].label, plan->stage[j].label) == 0) WN_TEST_FAIL("two stages \"%s\"", plan->stage[i].label);
    }
    wn__free(read);
}

typedef struct expanded {
    wn__recipe *recipe;
    wn__agenda *plan;
} expanded;

static const char *const basic[] = {
    "data={set: cifar10, validation: first-5000}",
    "model={arch: resnet20}",
    "train={epochs: 10, lr: {step: {base: 0.1, at: [5ep]}}}",
    "compare={methods: [dense, lottery-ticket, kd-ticket], sparsity: [0%, 90%], seeds: 0}",
};
enum { BASIC = 4, MOST = 12 };

/* The basic recipe with further settings, NULL-terminated, on the ref backend. */
static inline expanded expand(const char *const *more, int threads)
{
    const char *set[MOST];
    int sets = 0;
    expanded e = {0};
    wn__machine machine;
    for (; sets < BASIC; sets++)
        set[sets] = basic[sets];
    for (; more && *more; more++)
        set[sets++] = *more;
    const wn__recipe_source source = {.set = set, .sets = sets};
    CHECK_OK(wn__recipe_read(&source, &e.recipe));
    CHECK_OK(wn__machine_choose("ref", WN__F32, threads, &machine));
    CHECK_OK(wn__agenda_make(e.recipe, &machine, &e.plan));
    check_plan(e.plan);
    return e;
}

static inline void release(expanded *e)
{
    wn__agenda_free(e->plan);
    wn__recipe_free(e->recipe);
}

static inline int count_kind(const wn__agenda *plan, wn__stage_kind kind)
{
    int count = 0;
    for (int i = 0; i < plan->stages; i++)
        count += plan->stage[i].kind == kind;
    return count;
}

static inline const wn__stage *find_label(const wn__agenda *plan, const char *label)
{
    for (int i = 0; i < plan->stages; i++)
        if (strcmp(plan->stage[i].label, label) == 0) return &plan->stage[i];
    WN_TEST_FAIL("no stage \"%s\"", label);
}

/* A weights file of a network for pictures of 3x32x32. */
static inline void write_network(const char *path, const char *arch, int classes, uint64_t seed)
{
    const wn__model *model;
    wn_graph *graph;
    wn__params params;
    wn__init_options init;
    const wn__network_info info = {0};
    CHECK_OK(wn__model_find(arch, &model));
    CHECK_OK(wn__model_build(model, NULL, (wn__model_input){3, 32, 32, classes}, &graph));
    CHECK_OK(wn__graph_make_params(graph, &params));
    CHECK_OK(wn__settings_defaults(wn__init_settings, &init));
    CHECK_OK(wn__init_params(&params, &init, seed));
    CHECK_OK(wn__network_save(path, &info, &params, NULL));
    wn__params_release(&params);
    wn_graph_free(graph);
}

#endif
