#include "analysis/compare.h"

#include <math.h>
#include <string.h>

#include "analysis/eigen.h"
#include "base/elementary.h"
#include "base/fail.h"
#include "nn/softmax.h"

/* --- predictions --------------------------------------------------------------------------------------------------------------- */

void wn__predictions_release(wn__predictions *p)
{
    wn__free(p->probability);
    wn__free(p->label);
    wn__free(p->predicted);
    *p = (wn__predictions){0};
}

static wn_status make_room(wn__predictions *p)
{
    p->probability = WN_NEW_ARRAY(float, p->n * p->classes);
    p->label = WN_NEW_ARRAY(int32_t, p->n);
    p->predicted = WN_NEW_ARRAY(int32_t, p->n);
    return p->probability && p->label && p->predicted ? WN_OK : wn__no_memory((size_t)(p->n * p->classes) * sizeof(float));
}

/* In place: logits become probabilities. */
static void softmax(float *z, int64_t n)
{
    const double top = z[wn__largest_output(z, n)];
    double sum = 0;
    for (int64_t c = 0; c < n; c++)
        sum += wn__exp(z[c] - top);
    for (int64_t c = 0; c < n; c++)
        z[c] = (float)(wn__exp(z[c] - top) / sum);
}

static void score(const float *probability, const int32_t *label, int64_t n, int64_t classes, int32_t *predicted, double *accuracy,
                  double *loss)
{
    double correct = 0, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const float *p = probability + i * classes;
        const int32_t best = wn__largest_output(p, classes);
        if (predicted) predicted[i] = best;
        correct += best == label[i];
        sum -= wn__ln(fmax(p[label[i]], 1e-38));
    }
    *accuracy = correct / (double)n;
    *loss = sum / (double)n;
}

static wn_status fill(wn__executor *ex, wn__loader *loader, wn__predictions *p)
{
    for (int64_t at = 0; at < p->n;) {
        const wn__batch *b;
        WN_TRY(wn__loader_next(loader, &b));
        float *logits = p->probability + at * p->classes;
        WN_TRY(wn__executor_infer(ex, b->input, b->n, (wn__step_info){0}, logits));
        memcpy(p->label + at, b->targets.classes, (size_t)b->n * sizeof *p->label);
        for (int64_t i = 0; i < b->n; i++)
            softmax(logits + i * p->classes, p->classes);
        at += b->n;
    }
    score(p->probability, p->label, p->n, p->classes, p->predicted, &p->accuracy, &p->loss);
    return WN_OK;
}

wn_status wn__predictions_make(wn__executor *ex, const wn__loader_options *options, wn__predictions *out)
{
    wn__loader_options plain = *options;
    plain.order = WN__SAMPLES_IN_ORDER;
    wn__loader_unaugmented(&plain);
    plain.last_batch = WN__LAST_KEEP;
    wn__loader *loader;
    WN_TRY(wn__loader_new(&plain, &loader));
    wn__predictions p = {.n = wn__loader_samples(loader), .classes = options->data->facts.sample.classes};
    wn_status status = make_room(&p);
    if (status == WN_OK) status = fill(ex, loader, &p);
    wn__loader_free(loader);
    if (status == WN_OK)
        *out = p;
    else
        wn__predictions_release(&p);
    return status;
}

double wn__disagreement(const wn__predictions *a, const wn__predictions *b)
{
    int64_t differ = 0;
    for (int64_t i = 0; i < a->n; i++)
        differ += a->predicted[i] != b->predicted[i];
    return (double)differ / (double)a->n;
}

wn_status wn__ensemble(const wn__predictions *const *networks, int count, double *accuracy, double *loss)
{
    const int64_t n = networks[0]->n, classes = networks[0]->classes;
    float *mean = WN_NEW_ARRAY(float, n *classes);
    if (!mean) return wn__no_memory((size_t)(n * classes) * sizeof *mean);
    for (int64_t i = 0; i < n * classes; i++) {
        double sum = 0;
        for (int k = 0; k < count; k++)
            sum += networks[k]->probability[i];
        mean[i] = (float)(sum / count);
    }
    score(mean, networks[0]->label, n, classes, NULL, accuracy, loss);
    wn__free(mean);
    return WN_OK;
}

/* --- masks --------------------------------------------------------------------------------------------------------------------- */

static void active_entries(const wn__param *p, uint8_t *out)
{
    if (p->pattern)
        wn__pattern_mask(p->pattern, out);
    else if (p->mask)
        memcpy(out, p->mask, (size_t)p->count);
    else
        memset(out, 1, (size_t)p->count);
}

wn_status wn__overlap_measure(const wn__param *a, const wn__param *b, wn__overlap *out)
{
    uint8_t *first = WN_NEW_ARRAY(uint8_t, a->count), *second = WN_NEW_ARRAY(uint8_t, a->count);
    wn__overlap o = {.count = a->count};
    const wn_status status = first && second ? WN_OK : wn__no_memory((size_t)a->count);
    if (status == WN_OK) {
        active_entries(a, first);
        active_entries(b, second);
        for (int64_t i = 0; i < a->count; i++) {
            o.first += first[i];
            o.second += second[i];
            o.both += first[i] & second[i];
        }
        *out = o;
    }
    wn__free(first);
    wn__free(second);
    return status;
}

double wn__overlap_jaccard(int64_t first, int64_t second, double both)
{
    const double either = (double)first + (double)second - both;
    return either > 0 ? both / either : 1;
}

double wn__overlap_chance(const wn__overlap *o) { return o->count ? (double)o->first * (double)o->second / (double)o->count : 0; }

/* --- map ----------------------------------------------------------------------------------------------------------------------- */

/* -1/2 of the squared distances, rows and columns centred: inner products of positions around their mean. */
static void centre(const double *distance, int64_t n, double *b)
{
    double all = 0;
    for (int64_t i = 0; i < n * n; i++)
        all += distance[i] * distance[i] / (double)(n * n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            double row = 0, column = 0;
            for (int64_t k = 0; k < n; k++) {
                row += distance[i * n + k] * distance[i * n + k] / (double)n;
                column += distance[k * n + j] * distance[k * n + j] / (double)n;
            }
            b[i * n + j] = -0.5 * (distance[i * n + j] * distance[i * n + j] - row - column + all);
        }
}

static void place(const double *b, const double *value, int64_t n, double *position, double *held)
{
    double sum = 0, top = 0;
    for (int64_t k = 0; k < n; k++)
        sum += fmax(value[k], 0);
    for (int axis = 0; axis < 2; axis++) {
        const int64_t k = n - 1 - axis;
        const double size = k >= 0 ? fmax(value[k], 0) : 0;
        double sign = 0;
        top += size;
        for (int64_t i = 0; i < n; i++) {
            const double x = k >= 0 ? sqrt(size) * b[k * n + i] : 0;
            if (sign == 0 && fabs(x) > 1e-9 * sqrt(sum)) sign = x > 0 ? 1 : -1;
            position[2 * i + axis] = (sign < 0 ? -x : x) + 0.0;
        }
    }
    *held = sum > 0 ? top / sum : 1;
}

wn_status wn__mds(const double *distance, int64_t n, double *position, double *held)
{
    double *b = WN_NEW_ARRAY(double, n *n), *value = WN_NEW_ARRAY(double, n);
    wn_status status = b && value ? WN_OK : wn__no_memory((size_t)(n * n) * sizeof *b);
    if (status == WN_OK) {
        centre(distance, n, b);
        status = wn__eigen_symmetric(b, n, true, value);
    }
    if (status == WN_OK) place(b, value, n, position, held);
    wn__free(b);
    wn__free(value);
    return status;
}
