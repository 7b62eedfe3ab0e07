#include "nn/metric.h"

#include <string.h>

#include "base/fail.h"
#include "base/text.h"

#define OF(kind) (1u << WN_TARGET_##kind)
#define ONE_CLASS (OF(CLASS) | OF(POSITIONS))
#define ANY (ONE_CLASS | OF(DISTRIBUTION) | OF(CLASSES) | OF(VALUES))

static const wn__metric accuracy = {.name = "accuracy", .key = "accuracy", .title = "accuracy", .percent = true, .targets = ONE_CLASS};
static const wn__metric top5 = {.name = "top-5", .key = "top5", .title = "top-5 accuracy", .percent = true, .targets = ONE_CLASS};
static const wn__metric loss = {.name = "loss", .key = "loss", .title = "loss", .less_is_better = true, .targets = ANY};
static const wn__metric soft_error = {
    .name = "soft-error", .key = "soft_error", .title = "soft error", .less_is_better = true, .targets = ONE_CLASS};
static const wn__metric mse = {.name = "mse", .key = "mse", .title = "mean squared error", .less_is_better = true, .targets = OF(VALUES)};
static const wn__metric mean_average_precision = {.name = "mean-average-precision",
                                                  .key = "mean_average_precision",
                                                  .title = "mean average precision",
                                                  .percent = true,
                                                  .targets = OF(CLASSES)};

const wn__metric *const wn__metrics[] = {&accuracy, &top5, &loss, &soft_error, &mse, &mean_average_precision, NULL};

wn_status wn__metric_find(const char *name, const wn__metric **out)
{
    wn__text names = {0};
    for (int i = 0; wn__metrics[i]; i++) {
        if (strcmp(wn__metrics[i]->name, name) == 0 || strcmp(wn__metrics[i]->key, name) == 0) {
            *out = wn__metrics[i];
            wn__text_release(&names);
            return WN_OK;
        }
        wn__text_add(&names, "%s%s", i ? ", " : "", wn__metrics[i]->name);
    }
    const wn_status status = wn__fail(WN_EUSAGE, "unknown metric '%s'; valid: %s", name, names.data ? names.data : "");
    wn__text_release(&names);
    return status;
}

const wn__metric *wn__metric_usual(wn_target_kind kind)
{
    switch (kind) {
    case WN_TARGET_CLASS:
    case WN_TARGET_POSITIONS: return &accuracy;
    case WN_TARGET_DISTRIBUTION: return &loss;
    case WN_TARGET_CLASSES: return &mean_average_precision;
    case WN_TARGET_VALUES: return &mse;
    }
    return &loss;
}
