/* The lab: analyses of trained networks, see docs/lab.md. Each works on stages of a store or on weight files, writes result.json, tables as CSV and
 * figures (SVG, PDF) into a folder of its own, and is done once: the same question again is answered from that folder; one that was cut off
 * goes on where it was.
 *
 *     const char *networks[] = {"dense seed 0", "lottery-ticket 95% seed 0"};
 *     wn_lab_interpolate_options options = {.size = sizeof options};
 *     options.lab = &WN_OPTIONS(wn_lab_options, .networks = networks, .count = 2);
 *     wn_lab_result result = {0};
 *     if (wn_lab_interpolate(&options, &result) == WN_OK) puts(result.text);
 *     wn_lab_result_release(&result);
 *
 * A network is named by
 *     a weights file, or a folder that holds final.safetensors;
 *     a stage of the store: its identity, the beginning of it, or its label;
 *     either of the last two with a point of its training behind it: STAGE@500 (before step 500), STAGE@500+ (the same weights
 *     under the masks behind that step: what a topology update does), STAGE@start, STAGE@final. States that were not
 *     kept are made again by replaying the stage, to the same bytes.
 */
#ifndef WINNOW_LAB_H
#define WINNOW_LAB_H

#include "winnow/experiment.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What all analyses share. Zero means: the default. All texts are borrowed for the call. */
typedef struct wn_lab_options {
    size_t size;                 /* sizeof(wn_lab_options) */
    const char *const *networks; /* (count) names as above */
    int count;
    const char *out;        /* store; NULL: winnow-runs */
    const char *experiment; /* labels are looked up among the stages of this experiment only (name or folder); NULL: in the whole store */
    const char *folder;     /* of the results; NULL: OUT/lab/ANALYSIS-<12 digits of what it depends on> */
    const char *const *set; /* (sets) changes to what the first file says of itself: "data.set=cifar10", "backend=ref" ... */
    int sets;
    const char *data_folder;
    int threads;
    bool again; /* throw away what an earlier call found */
    bool part;  /* of a study: no figures, and results lie in OUT/lab/parts unless `folder` says where */
    wn_progress_call progress;
    void *user;
    const wn_stop *stop; /* NULL: only wn_request_stop ends it */
} wn_lab_options;

/* Release with wn_lab_result_release. */
typedef struct wn_lab_result {
    char *text; /* tables as people read them */
    char folder[1024];
    int figures;    /* drawn: each as NAME.svg and NAME.pdf in the folder */
    char note[512]; /* why there are no figures; "" otherwise */
} wn_lab_result;
WN_API void wn_lab_result_release(wn_lab_result *result); /* accepts NULL and a zeroed one */

/* Loss and error on the straight line between two networks, w(a) = (1 - a) A + a B. WN_EMISMATCH: different architectures. */
typedef struct wn_lab_interpolate_options {
    size_t size; /* sizeof(wn_lab_interpolate_options) */
    const wn_lab_options *lab;
    int64_t points;         /* 0: 29 */
    const char *from, *to;  /* of a; NULL: "-0.2" and "1.2". 0 and 1 must be among the points */
    bool interpolate_norms; /* running statistics of batch norm are interpolated like weights, not measured anew */
    int64_t batches;        /* training batches of that measurement; 0: 100 */
    int64_t train_images;   /* 0: all training images */
} wn_lab_interpolate_options;
WN_API WN_NODISCARD wn_status wn_lab_interpolate(const wn_lab_interpolate_options *options, wn_lab_result *result);

/* Two networks or more (40 at most) of one architecture side by side: L2 and cosine distances, disagreement on test images, ensembles of two and of all,
 * similarity of masks by layer and against chance; a map of the L2 distances (with LAPACK, of 3 networks or more). */
typedef struct wn_lab_compare_options {
    size_t size; /* sizeof(wn_lab_compare_options) */
    const wn_lab_options *lab;
} wn_lab_compare_options;
WN_API WN_NODISCARD wn_status wn_lab_compare(const wn_lab_compare_options *options, wn_lab_result *result);

/* The flow of gradients along the training of stages (in several states of each), or in single networks: norms over active and over all weights, by
 * tensor too, before and after topology updates at the same weights; what one small step takes off the loss; distance to the start. */
typedef struct wn_lab_flow_options {
    size_t size; /* sizeof(wn_lab_flow_options) */
    const wn_lab_options *lab;
    const char *steps; /* "0,100,500": states before these steps; NULL: 14 of them, early ones closer */
    int64_t images;    /* of the sample; 0: 1000 */
    const char *part;  /* "train", "validation", "test"; NULL: validation, else test */
    double rate;       /* of the small step; 0: 0.01 */
    bool exact_steps;  /* stay there; otherwise states of a stage that changes its topology move to the next update */
} wn_lab_flow_options;
WN_API WN_NODISCARD wn_status wn_lab_flow(const wn_lab_flow_options *options, wn_lab_result *result);

/* Eigenvalues of the Hessian of the loss over active parameters: all of them in small networks, else their density by stochastic Lanczos quadrature and
 * the extremes. WN_EUNSUPPORTED without LAPACK in the build. */
typedef struct wn_lab_hessian_options {
    size_t size; /* sizeof(wn_lab_hessian_options) */
    const wn_lab_options *lab;
    bool exact, lanczos;   /* neither: exact up to 500 active parameters; exact is refused above 8,000 */
    int64_t steps, probes; /* of Lanczos; 0: 40 and 2 */
    bool differences;      /* products from differences of gradients, on fast backends; otherwise exact ones, on the reference backend */
    double length;         /* of the step of differences; 0: 0.002 times the norm of the weights */
    bool no_check;         /* leave out the measured error of differences against exact products */
    int64_t images;        /* of the sample; 0: 1000 */
    const char *part;      /* as in wn_lab_flow_options */
} wn_lab_hessian_options;
WN_API WN_NODISCARD wn_status wn_lab_hessian(const wn_lab_hessian_options *options, wn_lab_result *result);

/* Instability (linear mode connectivity): two copies of one stage, trained by the recipe from the same state with other orders of the data, and the
 * barrier on the line between what becomes of them. */
typedef struct wn_lab_connect_options {
    size_t size;                   /* sizeof(wn_lab_connect_options) */
    const wn_lab_options *lab;     /* one stage of the store */
    const char *from;              /* "0,100,500": states before these steps, two copies each; NULL: the stage's first */
    int64_t points;                /* on each line; 0: 11 */
    int64_t seed;                  /* of the copies' data */
    int64_t batches, train_images; /* as in wn_lab_interpolate_options */
} wn_lab_connect_options;
WN_API WN_NODISCARD wn_status wn_lab_connect(const wn_lab_connect_options *options, wn_lab_result *result);

/* A Bezier curve between two networks whose control points are trained for low loss all along, beside the straight line. */
typedef struct wn_lab_path_options {
    size_t size; /* sizeof(wn_lab_path_options) */
    const wn_lab_options *lab;
    int order;                     /* 2 or 3; 0: 2 */
    bool full;                     /* control points over all weights; otherwise over the union of the two masks */
    int64_t epochs;                /* 0: 3 */
    double rate;                   /* learning rate at the start of half a cosine (SGD, momentum 0.9); 0: 0.02 */
    int64_t points;                /* evaluated on each; 0: 15 */
    int64_t batches, train_images; /* as in wn_lab_interpolate_options */
} wn_lab_path_options;
WN_API WN_NODISCARD wn_status wn_lab_path(const wn_lab_path_options *options, wn_lab_result *result);

/* Real and ideal world side by side (Deep Bootstrap): a recipe's rows in both, for every size n and variant of its section `bootstrap`; or stages that
 * were trained already, in both worlds. Errors along the training, the gap at T0 and at the end, answers to claims about it. */
typedef struct wn_lab_bootstrap_options {
    size_t size;               /* sizeof(wn_lab_bootstrap_options) */
    const wn_lab_options *lab; /* networks: one recipe, or stages of the store; set: changes to the recipe */
    const char *n;             /* "512,4096": instead of bootstrap.n; NULL: that, or the recipe's own size */
    const char *seeds;         /* "0-4": instead of compare.seeds */
    double margin;             /* points, instead of bootstrap.margin; 0: that */
    double converged;          /* soft error of T0, instead of bootstrap.converged; 0: that */
} wn_lab_bootstrap_options;
WN_API WN_NODISCARD wn_status wn_lab_bootstrap(const wn_lab_bootstrap_options *options, wn_lab_result *result);

/* What the section `lab` of a recipe asks for: the analyses above of its rows, for every seed, whose training must be done. Writes study.json and
 * study.csv into the experiment's folder (result.folder), which its report shows. Each analysis is a result of its own in the store, so that a study that
 * was cut off goes on and one that is asked again reads what is there. WN_EUSAGE: no such section; WN_ENOTFOUND: a stage is not done. */
typedef struct wn_lab_study_options {
    size_t size;               /* sizeof(wn_lab_study_options) */
    const wn_run_options *run; /* recipe, set, sets, seeds, out, data_folder, threads, progress, user, stop */
    bool again;                /* throw away what earlier calls found */
} wn_lab_study_options;
WN_API WN_NODISCARD wn_status wn_lab_study(const wn_lab_study_options *options, wn_lab_result *result);

#ifdef __cplusplus
}
#endif
#endif
