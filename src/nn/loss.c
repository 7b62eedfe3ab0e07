#include "nn/loss.h"

#include <math.h>

#define WN__LOSS(name) extern const wn__loss_type wn__loss_##name;
#include "nn/losses/list.h"
#undef WN__LOSS
#define WN__LOSS(name) &wn__loss_##name,
const wn__loss_type *const wn__losses[] = {
#include "nn/losses/list.h"
    NULL};
#undef WN__LOSS

static const char *const reductions[] = {"mean", "batchmean", NULL};

const wn__setting wn__soft_label_settings[] = {
    {"T", WN__SETTING_FLOAT, offsetof(wn__loss, temperature), 0.01, 1000, "5", NULL, "temperature of both softmaxes"},
    {"alpha", WN__SETTING_FLOAT, offsetof(wn__loss, alpha), 0, 1, "0.9", NULL, "weight of the soft labels; the hard ones get the rest"},
    {"kl", WN__SETTING_CHOICE, offsetof(wn__loss, reduction), 0, 0, "mean", reductions, "mean over batch and classes, or over the batch"},
    {0}};

const wn__loss_type *wn__loss_usual(wn_target_kind kind)
{
    for (int i = 0; wn__losses[i]; i++)
        if (wn__losses[i]->usual & 1u << kind) return wn__losses[i];
    return NULL;
}

/* Of a teacher's outputs; NULL: they are values, and the hard loss takes them. */
static const wn__loss_type *soft_type(wn_target_kind kind)
{
    for (int i = 0; wn__losses[i]; i++)
        if (wn__losses[i]->soft & 1u << kind) return wn__losses[i];
    return NULL;
}

static double reduction_factor(const wn__loss *l, int64_t classes) { return l->reduction == WN__KL_MEAN ? 1.0 / (double)classes : 1.0; }

double wn__loss_soft_weight(const wn__loss *l, wn_target_kind kind, int64_t outputs)
{
    if (!l->soft) return 0;
    return soft_type(kind) ? l->alpha * l->temperature * l->temperature * reduction_factor(l, outputs) : l->alpha;
}

double wn__loss_soft_gradient_scale(const wn__loss *l, wn_target_kind kind, int64_t outputs)
{
    if (!l->soft) return 0;
    return soft_type(kind) ? l->alpha * l->temperature * reduction_factor(l, outputs) : l->alpha;
}

/* A loss for the rows of one call: the types that it is made of, and their weights. `soft` is NULL without a teacher. */
typedef struct sum {
    const wn__loss *loss;
    const wn__loss_rows *rows;
    const wn__loss_type *hard, *soft;
    double hard_weight, soft_weight, soft_scale; /* soft_scale: of gradients */
} sum;

static sum sum_of(const wn__loss *l, const wn__loss_rows *rows)
{
    const wn_target_kind kind = rows->targets.kind;
    sum s = {.loss = l, .rows = rows, .hard = l->hard ? l->hard : wn__loss_usual(kind), .hard_weight = 1};
    if (!l->soft) return s;
    s.soft = soft_type(kind) ? soft_type(kind) : s.hard;
    s.hard_weight = 1 - l->alpha;
    s.soft_weight = wn__loss_soft_weight(l, kind, rows->classes);
    s.soft_scale = wn__loss_soft_gradient_scale(l, kind, rows->classes);
    return s;
}

/* Row i as the two parts see it. */
typedef struct pair {
    wn__loss_row hard, soft;
} pair;

static pair pair_of(const sum *s, int64_t i)
{
    const int64_t k = s->rows->classes;
    const float *z = s->rows->logits + i * k;
    const wn__loss *l = s->loss;
    pair p = {.hard = {.config = l->config, .k = k, .z = z, .target = wn__targets_from(&s->rows->targets, i), .smoothing = l->smoothing}};
    if (s->hard->prepare) s->hard->prepare(&p.hard);
    if (!s->soft) return p;
    p.soft = (wn__loss_row){.config = l->config, .k = k, .z = z, .inverse_t = 1 / l->temperature};
    p.soft.target = (wn_targets){.kind = WN_TARGET_VALUES, .width = k, .values = s->rows->teacher + i * k};
    if (s->soft->prepare) s->soft->prepare(&p.soft);
    return p;
}

static bool all_finite(const float *z, int64_t k)
{
    bool finite = true;
    for (int64_t c = 0; c < k; c++)
        finite &= isfinite(z[c]) != 0;
    return finite;
}

static double row_loss(const sum *s, const pair *p)
{
    if (!all_finite(p->hard.z, p->hard.k) || (s->soft && !all_finite(p->soft.target.values, p->soft.k))) return NAN;
    const double hard = s->hard->value(&p->hard);
    return s->soft ? s->soft_weight * s->soft->value(&p->soft) + s->hard_weight * hard : hard;
}

static void row_gradient(const sum *s, const pair *p, float *dlogits)
{
    for (int64_t c = 0; c < p->hard.k; c++) {
        double g = s->hard_weight * s->hard->gradient(&p->hard, c);
        if (s->soft) g += s->soft_scale * s->soft->gradient(&p->soft, c);
        dlogits[c] = (float)(g / (double)s->rows->batch);
    }
}

static void compute_row(const sum *s, int64_t i, const wn__loss_out *out)
{
    const pair p = pair_of(s, i);
    if (out->loss) out->loss[i] = row_loss(s, &p);
    if (out->dlogits) row_gradient(s, &p, out->dlogits + i * p.hard.k);
}

#define ROWS_PER_CHUNK 16

typedef struct job {
    sum sum;
    const wn__loss_out *out;
} job;

static void compute_chunk(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const job *j = arg;
    const int64_t first = chunk * ROWS_PER_CHUNK;
    for (int64_t i = first; i < first + ROWS_PER_CHUNK && i < j->sum.rows->n; i++)
        compute_row(&j->sum, i, j->out);
}

void wn__loss_compute(const wn__loss *loss, const wn__loss_rows *rows, wn__pool *pool, const wn__loss_out *out)
{
    job j = {sum_of(loss, rows), out};
    wn__parallel_for(pool, (rows->n + ROWS_PER_CHUNK - 1) / ROWS_PER_CHUNK, compute_chunk, &j);
}

void wn__loss_tangent_compute(const wn__loss *loss, const wn__loss_rows *rows, const float *t_logits, float *t_dlogits)
{
    const sum s = sum_of(loss, rows);
    const int64_t k = rows->classes;
    const double batch = (double)rows->batch;
    for (int64_t i = 0; i < rows->n; i++) {
        const pair p = pair_of(&s, i);
        float *out = t_dlogits + i * k;
        for (int64_t c = 0; c < k; c++)
            out[c] = 0;
        s.hard->add_tangent(&p.hard, t_logits + i * k, s.hard_weight / batch, out);
        if (s.soft) s.soft->add_tangent(&p.soft, t_logits + i * k, s.soft_scale / batch, out);
    }
}
