/* The smallest network that is good enough: of several trained ones, each made smaller in fact (channels that do nothing removed, layers of low rank
 * split in two) and, if asked, pruned further by whole units or to low rank without training, the smallest whose headline (accuracy, or what the data
 * have) on the validation samples holds. It is written as NAME.yaml and NAME.safetensors, which all commands read.
 *
 *     const char *networks[] = {"lottery-ticket 95% seed 0", "units 50% seed 0"};
 *     wn_shrink_options options = {.size = sizeof options, .hold = "88%", .result = "small"};
 *     options.networks = &WN_OPTIONS(wn_lab_options, .networks = networks, .count = 2);
 *     wn_shrink_result result = {0};
 *     if (wn_shrink(&options, &result) == WN_OK) printf("%lld parameters\n", (long long)result.row[result.chosen].parameters);
 *     wn_shrink_result_release(&result);
 */
#ifndef WINNOW_SHRINK_H
#define WINNOW_SHRINK_H

#include "winnow/experiment.h"
#include "winnow/lab.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wn_shrink_options {
    size_t size;                    /* sizeof(wn_shrink_options) */
    const wn_lab_options *networks; /* names as winnow/lab.h says them, store, data, threads; `folder` and `again` are not used */
    const char *hold;               /* at least "88%" or "0.88" of accuracy; of a headline that is better when less at most "0.05" */
    const char *by;       /* how networks are pruned further: "nothing", "units", "tied-units", "low-rank", or NULL: all of these */
    const char *smallest; /* in "bytes" (NULL), "parameters" or "flops" */
    const char *result;   /* path of what is written, without .yaml and .safetensors; NULL: nothing is */
} wn_shrink_options;

/* One network that was tried. */
typedef struct wn_shrink_row {
    char network[128], by[16];
    double part;  /* of the units or entries that went */
    double value; /* of the headline */
    int64_t parameters, flops, bytes;
    bool holds;
} wn_shrink_row;

/* Release with wn_shrink_result_release. */
typedef struct wn_shrink_result {
    wn_shrink_row *row; /* (rows) in the order of trying; the first of each network is as it is, made smaller */
    int rows, chosen;
    wn_score hold;                    /* the headline and its bound */
    int64_t images;                   /* of the validation part */
    int64_t parameters, flops, bytes; /* of the chosen network before */
    double value;                     /* of the headline, before */
    double difference;                /* largest of its logits on some images between as it is and made smaller, over the largest logit */
    double milliseconds_before, milliseconds; /* inference of `batch` images, the best of alternating runs */
    int batch;
} wn_shrink_result;

/* WN_EUSAGE: none holds; the message says the best. */
WN_API WN_NODISCARD wn_status wn_shrink(const wn_shrink_options *options, wn_shrink_result *result);
WN_API void wn_shrink_result_release(wn_shrink_result *result); /* accepts NULL and a zeroed one */

#ifdef __cplusplus
}
#endif
#endif
