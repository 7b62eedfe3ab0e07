#include <math.h>
#include <string.h>

#include "io/json_file.h"
#include "recipe/study.h"

const wn__measure wn__measures[] = {
    {"gradient-norm", WN__MEASURE_FLOW, true, false, "gradient_active"},
    {"gradient-norm-updated", WN__MEASURE_FLOW, true, false, "after_update"},
    {"loss", WN__MEASURE_FLOW, true, false, "loss"},
    {"decrease", WN__MEASURE_FLOW, false, false, "decrease"},
    {"barrier", WN__MEASURE_LINE, false, false, "train_loss"},
    {"error-barrier", WN__MEASURE_LINE, false, true, "test_error"},
    {"distance", WN__MEASURE_PAIR, false, false, "l2"},
    {"disagreement", WN__MEASURE_PAIR, false, true, "disagreement"},
    {"pair-gain", WN__MEASURE_PAIR, false, true, "ensemble_gain"},
    {"jaccard", WN__MEASURE_PAIR, false, false, "jaccard"},
    {"smallest-eigenvalue", WN__MEASURE_HESSIAN, false, false, "smallest"},
    {"largest-eigenvalue", WN__MEASURE_HESSIAN, true, false, "largest"},
    {"ensemble", WN__MEASURE_SEEDS, false, true, "accuracy"},
    {"ensemble-gain", WN__MEASURE_SEEDS, false, true, "gain"},
    {"seed-disagreement", WN__MEASURE_SEEDS, false, true, "disagreement"},
    {"gap", WN__MEASURE_WORLD, false, true, "t0"},
    {"end-gap", WN__MEASURE_WORLD, false, true, "end"},
    {"real-error", WN__MEASURE_WORLD, false, true, "real"},
    {"ideal-error", WN__MEASURE_WORLD, false, true, "ideal"},
    {0},
};

const wn__measure *wn__measure_find(const char *name)
{
    for (const wn__measure *m = wn__measures; m->name; m++)
        if (strcmp(m->name, name) == 0) return m;
    return NULL;
}

int wn__measure_rows(const wn__measure *m) { return m->kind == WN__MEASURE_LINE || m->kind == WN__MEASURE_PAIR ? 2 : 1; }

static bool is_row(const json_t *of, size_t index, const char *name)
{
    const char *text = json_string_value(json_array_get(of, index));
    return text && name && strcmp(text, name) == 0;
}

static bool is_of(const json_t *of, const char *first, const char *second)
{
    if (!second) return json_array_size(of) == 1 && is_row(of, 0, first);
    return json_array_size(of) == 2 && ((is_row(of, 0, first) && is_row(of, 1, second)) || (is_row(of, 0, second) && is_row(of, 1, first)));
}

const json_t *wn__study_find(const json_t *study, const wn__measure *m, const char *first, const char *second, double sparsity,
                             int64_t step)
{
    size_t index;
    json_t *one;
    json_array_foreach(json_object_get(study, "measurements"), index, one)
    {
        const char *name = json_string_value(json_object_get(one, "measure"));
        const json_t *at = json_object_get(one, "step");
        if (!name || strcmp(name, m->name) != 0 || wn__json_number(one, "sparsity") != sparsity) continue;
        if ((json_is_integer(at) ? json_integer_value(at) : -1) == step && is_of(json_object_get(one, "of"), first, second)) return one;
    }
    return NULL;
}

double wn__study_value(const json_t *study, const wn__measure *m, const json_t *measurement, int64_t seed)
{
    const json_t *seeds = json_object_get(study, "seeds"), *values = json_object_get(measurement, "values"), *one;
    size_t index;
    json_array_foreach(seeds, index, one)
    {
        const json_t *value = json_array_get(values, index);
        if (json_integer_value(one) == seed && json_is_number(value)) return (m->points ? 100 : 1) * json_number_value(value);
    }
    return (double)NAN;
}

double wn__study_scaled(const json_t *study, const wn__measure *m, const json_t *measurement, int64_t seed)
{
    const double value = wn__study_value(study, m, measurement, seed);
    if (!m->ratio) return value;
    return value > 0 ? log(value) : (double)NAN;
}

wn__summary wn__study_summary(const json_t *study, const wn__measure *m, const json_t *measurement, bool scaled)
{
    int64_t seeds[WN__MAX_STUDY_SEEDS];
    double values[WN__MAX_STUDY_SEEDS];
    const int count = wn__study_seeds(study, seeds, WN__MAX_STUDY_SEEDS);
    for (int i = 0; i < count; i++)
        values[i] = (scaled ? wn__study_scaled : wn__study_value)(study, m, measurement, seeds[i]);
    return wn__summarise(values, count);
}

int wn__study_seeds(const json_t *study, int64_t *seeds, int most)
{
    const json_t *list = json_object_get(study, "seeds"), *one;
    size_t index;
    int count = 0;
    json_array_foreach(list, index, one) if (count < most) seeds[count++] = json_integer_value(one);
    return count;
}

int wn__study_steps(const json_t *study, const char *row, double sparsity, int64_t *steps, int most)
{
    const char *first = wn__measures[0].name;
    size_t index;
    json_t *one;
    int count = 0;
    json_array_foreach(json_object_get(study, "measurements"), index, one)
    {
        const char *name = json_string_value(json_object_get(one, "measure"));
        if (!name || strcmp(name, first) != 0 || wn__json_number(one, "sparsity") != sparsity || count == most) continue;
        if (is_of(json_object_get(one, "of"), row, NULL)) steps[count++] = json_integer_value(json_object_get(one, "step"));
    }
    return count;
}

const json_t *wn__study_sparsities(const json_t *study) { return json_object_get(study, "sparsity"); }

const json_t *wn__study_rows(const json_t *study, const char *key) { return json_object_get(study, key); }
