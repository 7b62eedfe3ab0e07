#include "nn/average.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

const wn__setting wn__average_settings[] = {
    WN_SETTING_FLOAT(wn__average_rule, decay, 0, 0, 0.9999999,
                     "what stays of the average at an update, such as 0.9999; 0: no average is kept"),
    WN_SETTING_INT(wn__average_rule, every, 1, 1, 1e9, "steps between updates"),
    WN_SETTING_BOOL(wn__average_rule, ramp, false, "after n updates the decay is at most (1 + n) / (10 + n)"),
    {0},
};

wn_status wn__average_start(wn__params *params)
{
    for (int i = 0; i < params->count; i++) {
        wn__param *p = &params->item[i];
        if (!p->slot[WN__AVERAGE] && !(p->slot[WN__AVERAGE] = WN_NEW_ARRAY(float, p->capacity)))
            return wn__no_memory((size_t)p->capacity * sizeof(float));
        memcpy(p->slot[WN__AVERAGE], p->value, (size_t)p->stored * sizeof(float));
    }
    return WN_OK;
}

typedef struct job {
    wn__params *params;
    float keep;
} job;

static void update(void *arg, int64_t chunk, int worker)
{
    (void)worker;
    const job *j = arg;
    const wn__param *p = &j->params->item[chunk];
    float *average = p->slot[WN__AVERAGE];
    for (int64_t i = 0; i < p->stored; i++)
        average[i] = j->keep * average[i] + (1 - j->keep) * p->value[i];
}

void wn__average_step(const wn__average_rule *rule, int64_t steps, wn__params *params, wn__pool *pool)
{
    if (steps % rule->every != 0) return;
    const double n = (double)(steps / rule->every), most = (1 + n) / (10 + n);
    job j = {params, (float)(rule->ramp && most < rule->decay ? most : rule->decay)};
    wn__parallel_for(pool, params->count, update, &j);
}

void wn__average_swap(wn__params *params)
{
    for (int i = 0; i < params->count; i++) {
        wn__param *p = &params->item[i];
        float *average = p->slot[WN__AVERAGE];
        for (int64_t k = 0; k < p->stored; k++) {
            const float value = p->value[k];
            p->value[k] = average[k];
            average[k] = value;
        }
    }
    params->version++;
}
