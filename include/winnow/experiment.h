/* Experiments: recipes, their stages and where results are kept; single steps (train, evaluate, prune, inspect); listings.
 *
 *     wn_run_options options = {.size = sizeof options, .recipe = "examples/tickets.yaml"};
 *     wn_run_summary summary;
 *     if (wn_experiment_run(&options, &summary) != WN_OK) fprintf(stderr, "%s\n", wn_error_message());
 *     else puts(summary.folder); // holds results.json, see docs/results-format.md
 *
 * The store (default folder: winnow-runs) holds
 *     stages/<identity>/   one folder per stage: stage.json (what it depends on), environment.json, metrics.jsonl, weights, done.json (written last)
 *     backends/            what `backend: fastest` chose, a file for each network and batch
 *     <name>/              one folder per experiment: recipe.yaml, resolved.yaml, environment.json, stages.json, results.json
 * An identity is the SHA-256 of all that a stage's result depends on. Starting the same recipe again skips stages that are done and continues
 * those that were cut off; recipes share the stages that they have in common.
 *
 * Texts in structs that are passed to callbacks are borrowed for the call. Fractions are in [0,1].
 */
#ifndef WINNOW_EXPERIMENT_H
#define WINNOW_EXPERIMENT_H

#include "winnow/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- running a recipe */

/* Called after each training step and each finished part of other stages. */
typedef struct wn_progress {
    const char *stage;                   /* "kd-ticket 95% seed 0" */
    int64_t step, first_step, last_step; /* of the stage: done up to `step`; other units than steps for stages that do not train */
    int64_t epoch;                       /* of training, else 0 */
    double loss, rate;                   /* of the last step; NaN if the stage does not train */
    double per_second;                   /* images (training) or units per second since the last call */
    double seconds_left;                 /* of the stage, at its mean speed so far; negative while unknown */
    int stages_done, stages;             /* of the experiment */
    double all_seconds_left;             /* of the experiment, with its jobs; 0: unknown */
    int job, jobs; /* stages that run side by side are told one after the other: this is number `job` of `jobs`; 0 of 0 alone */
} wn_progress;
typedef void (*wn_progress_call)(void *user, const wn_progress *progress);

/* Zero means: the default, or what the recipe says. All texts are borrowed for the call. */
typedef struct wn_run_options {
    size_t size;            /* sizeof(wn_run_options) */
    const char *recipe;     /* file; NULL: an empty recipe, made by `set` alone */
    const char *const *set; /* (sets) "train.epochs=10": changes to the recipe; the value is YAML */
    int sets;
    const char *seeds;       /* "0-4" or "0,2": instead of compare.seeds */
    const char *const *redo; /* (redos) stages whose results are thrown away first, with all that depends on them: an identity or its
                                       beginning (6 digits or more), a kind ("train", "mask" ...), or a pattern for labels ("kd-* 95%*") */
    int redos;
    const char *out;         /* store; NULL: "winnow-runs" */
    const char *data_folder; /* NULL: as winnow/data.h says */
    int threads;             /* per stage; 0: the recipe's as far as the CPUs go, else the CPUs divided by jobs */
    int jobs;                /* stages side by side; 0 or 1: one after the other, in this process */
    bool force;              /* allow jobs x threads beyond the CPUs; without, jobs > 1 of too many threads are WN_EUSAGE */
    /* For jobs > 1: the start of a command line, NULL-terminated, to which "<experiment folder> <stage identity>" is appended; the program
     * must then call wn_stage_run with them and exit with 0 on WN_OK. NULL: jobs > 1 is WN_EINVAL. */
    const char *const *worker;
    wn_progress_call progress; /* may be NULL */
    void *user;
    const wn_stop *stop; /* NULL: only wn_request_stop ends it */
    /* Of wn_train: where data of your own lie, instead of those that the recipe names; wn_data_recognise finds their set. NULL: these. */
    const char *data;
    const char *weights; /* of wn_train: a trained network to start from, model.weights of the recipe; NULL: none */
    /* Between two checkpoints of a training; 0: 60. Workers are told by their command line. */
    int64_t checkpoint_seconds;
} wn_run_options;

typedef struct wn_run_summary {
    char folder[1024];            /* of the experiment: for wn_report and people */
    int stages, done_before, run; /* all, done at the start, run by this call */
} wn_run_summary;

/* Run everything that is not done yet. WN_EUSAGE: fault in the recipe ("file:line:column: ..."). WN_EMISMATCH: data files hold other than the
 * published contents, and the recipe does not say data.unverified. WN_ESTOPPED: stopped on request; the same call continues.
 * A stage that fails (WN_EDIVERGED ...) does not keep independent ones from running; the first failure is returned at the end.
 * summary may be NULL. */
WN_API WN_NODISCARD wn_status wn_experiment_run(const wn_run_options *options, wn_run_summary *summary);

/* One stage of a recipe, before anything is run. */
typedef struct wn_stage_info {
    const char *identity;       /* 64 hexadecimal digits */
    const char *kind;           /* train, soft-labels, mask, evaluate */
    const char *label;          /* "kd-ticket 95% seed 0" */
    const char *state;          /* done, interrupted, waiting, running, failed */
    const char *const *parents; /* (parent_count) identities */
    int parent_count;
    int64_t steps;  /* of training; 0 for other kinds */
    double seconds; /* estimate of what is left of it; negative: unknown */
} wn_stage_info;
typedef void (*wn_stage_visit)(void *user, const wn_stage_info *stage);

typedef struct wn_plan_summary {
    char folder[1024];
    int stages, done;
    double seconds; /* estimate of all that is left, with the jobs of the options; negative: unknown */
    bool measured;  /* from finished stages; false: from a benchmark of a few steps */
} wn_plan_summary;
/* What wn_experiment_run would do, in the order of running; writes nothing into the store. `benchmark`: time a few steps if no finished stage
 * tells the speed. visit and summary may be NULL. */
WN_API WN_NODISCARD wn_status wn_experiment_plan(const wn_run_options *options, bool benchmark, wn_stage_visit visit, void *user,
                                                 wn_plan_summary *summary);

/* The recipe with all defaults and every time in steps, as YAML that reads back to the same stages. Free with wn_text_free. */
WN_API WN_NODISCARD wn_status wn_recipe_resolve(const wn_run_options *options, char **yaml);
WN_API void wn_text_free(char *text); /* accepts NULL */

typedef struct wn_stage_options {
    size_t size; /* sizeof(wn_stage_options) */
    wn_progress_call progress;
    void *user;
    const wn_stop *stop;        /* NULL: only wn_request_stop ends it */
    int64_t checkpoint_seconds; /* as in wn_run_options */
} wn_stage_options;
/* One stage of an experiment whose folder wn_experiment_run made: what a worker process does. Its parents must be done. A stage that is done is
 * left alone; one that another process runs is waited for. `options` may be NULL. */
WN_API WN_NODISCARD wn_status wn_stage_run(const char *experiment_folder, const char *identity, const wn_stage_options *options);

/* ---- its seconds */

typedef struct wn_time_options {
    size_t size; /* sizeof(wn_time_options) */
    int rounds;  /* of some steps of every stage; 0: 5 */
    int threads; /* 0: all CPUs */
    const char *data_folder;
    wn_progress_call progress; /* may be NULL */
    void *user;
    const wn_stop *stop; /* NULL: only wn_request_stop ends it */
} wn_time_options;
typedef struct wn_timed_stage {
    const char *label;
    int64_t steps, changes;              /* all, and those that change the topology */
    double ms_step, ms_change, ms_after; /* median: usual steps, those that change the topology, those that follow one */
    double ms_late;      /* median: usual steps at the end of a stage whose connections moved between layers, else ms_step */
    double late;         /* its weight beside ms_step in the mean over the stage, by the FLOPs along the way; 0 where costs stay */
    double seconds;      /* of all steps */
    const char *backend; /* it was timed on; of a dense network the faster one, whatever the recipe trained it on */
    const char *slower;  /* the other one, with its seconds; NULL: it was timed on one alone */
    double slower_seconds;
} wn_timed_stage;
typedef void (*wn_time_visit)(void *user, const wn_timed_stage *stage);

/* Measure what the training steps of each row of a finished experiment cost: stages of its first seed in turns, some steps a round, so that all of them meet
 * the same machine. Writes seconds.json into the folder, which the report shows. WN_ENOTFOUND: a stage is not done. Its stages are left as they
 * are. options and visit may be NULL. */
WN_API WN_NODISCARD wn_status wn_experiment_time(const char *folder, const wn_time_options *options, wn_time_visit visit, void *user);

/* ---- the store */

/* What names stand for, the same everywhere. An experiment is named by its name in the store `out` (NULL: the folder around it if `experiment` is a path, else
 * the default), or by its folder; a name with a slash is a folder. Into the caller's text. WN_ENOTFOUND names the nearest. */
WN_API WN_NODISCARD wn_status wn_store_experiment(const char *out, const char *experiment, char *folder, size_t size);
/* The weights file that `name` stands for: a file, a folder that holds final.safetensors, or a stage of the store, by its identity, the beginning of it (6 digits
 * or more) or its label, among the stages of `experiment` or (NULL) of all. WN_EUSAGE: several, or one that is not done or trains nothing. */
WN_API WN_NODISCARD wn_status wn_store_weights(const char *out, const char *experiment, const char *name, char *path, size_t size);

typedef struct wn_stored_stage {
    const char *identity, *kind, *label, *state, *path;
    int64_t bytes; /* on disk */
    bool used;     /* some experiment folder refers to it */
} wn_stored_stage;
typedef void (*wn_stored_visit)(void *user, const wn_stored_stage *stage);
/* All stages of the store `out` (NULL: the default; WN_ENOTFOUND: no such folder), or, if `experiment` is not NULL, those of that experiment (its name or folder). */
WN_API WN_NODISCARD wn_status wn_store_status(const char *out, const char *experiment, wn_stored_visit visit, void *user);

/* Where a difference stands: in what somebody wrote, in results, or in defaults and what follows from what was written. */
typedef enum wn_difference_kind { WN_DIFFERENCE_WRITTEN, WN_DIFFERENCE_RESULT, WN_DIFFERENCE_DEFAULT } wn_difference_kind;
/* A key whose values differ; NULL where one side has none. Results are named "METHOD SPARSITY seed N: KEY". */
typedef struct wn_difference {
    const char *key, *left, *right;
    wn_difference_kind kind;
} wn_difference;
typedef void (*wn_difference_visit)(void *user, const wn_difference *difference);
/* Differences of two experiments' (folders, or names in the store `out`) recipes and results: by kind, in the order of the left one. */
WN_API WN_NODISCARD wn_status wn_store_diff(const char *out, const char *left, const char *right, wn_difference_visit visit, void *user);

/* Remove stages that no experiment folder refers to; those that are running are kept. With dry_run only visit them. `bytes`, what they take, may be NULL. */
WN_API WN_NODISCARD wn_status wn_store_gc(const char *out, bool dry_run, wn_stored_visit visit, void *user, int64_t *bytes);

/* ---- single steps */

/* A metric of a network on some data. Texts are static. */
typedef struct wn_score {
    const char *name, *title; /* "top-5", "top-5 accuracy" */
    bool percent;             /* a share of [0,1] */
    bool less_is_better;      /* else more */
    bool counted;             /* so many of the samples */
    double value;
} wn_score;
enum { WN_MOST_SCORES = 16 };

/* Train the dense network of a recipe (compare, mask and methods but `dense` are not looked at) into `folder`: metrics.jsonl, timing.jsonl, events, resolved.yaml,
 * environment.json, checkpoint and final.safetensors. Continues if it was cut off. Uses recipe, set, data_folder, threads, progress, stop of options. A key of
 * `set` that has no effect is WN_EUSAGE; what stands in the recipe passes. summary may be NULL. */
typedef struct wn_train_summary {
    wn_score test, validation; /* the headline; NaN without validation */
    double test_loss;
    double test_accuracy, validation_accuracy; /* NaN where they are not told */
    int64_t parameters, steps;
    double seconds;
    char weights[1024]; /* path of final.safetensors */
} wn_train_summary;
WN_API WN_NODISCARD wn_status wn_train(const wn_run_options *options, uint64_t seed, const char *folder, wn_train_summary *summary);

typedef struct wn_eval_options {
    size_t size;         /* sizeof(wn_eval_options) */
    const char *weights; /* file */
    /* Changes to what the file says of itself, as in a recipe: "data.set=cifar10", "data.normalize=cifar10", "model.arch=resnet20", "backend=ref",
     * "train.metrics=[accuracy, top-5]" ...; what neither says is the recipe's default. A key that has no effect is WN_EUSAGE. */
    const char *const *set;
    int sets;
    const char *part; /* "test" (NULL), "validation", "train" */
    const char *data_folder;
    int threads;
    /* Where data of your own lie, instead of those that the file names: as wn_data_recognise finds their set; NULL: these. */
    const char *data;
    const wn_stop *stop; /* NULL: only wn_request_stop ends it */
    const char *names;   /* a file of patterns that rename the tensors of `weights`; NULL: none */
} wn_eval_options;

/* Release with wn_evaluation_release. */
typedef struct wn_evaluation {
    wn_score score[WN_MOST_SCORES]; /* (scores) all metrics of its data, the headline first */
    int scores;
    int64_t count, correct;            /* correct: of one class a sample, else 0 */
    double accuracy, loss, soft_error; /* NaN where they are not told */
    int classes;
    const char *const *class_names; /* (classes), or NULL */
    double *class_accuracy;         /* (classes), NaN without samples; NULL but of one class a sample */
    int64_t *confusion;             /* (classes, classes): [true][predicted]; NULL likewise */
} wn_evaluation;
/* WN_EMISMATCH: the weights are of another network or of other classes than the data's. */
WN_API WN_NODISCARD wn_status wn_eval(const wn_eval_options *options, wn_evaluation *evaluation);
WN_API void wn_evaluation_release(wn_evaluation *evaluation); /* accepts NULL and a zeroed one */

typedef struct wn_prune_options {
    size_t size;         /* sizeof(wn_prune_options) */
    const char *weights; /* file that says its architecture (those written by Winnow do), else set model.* */
    /* File to write: weights, masks and the same metadata; under a basis coefficients with their masks. */
    const char *result;
    /* "90%", "0.1d", "10x": of the selection, from dense. NULL where the masks say it: scope n-of-m, a file, a list, a FLOPs budget. */
    const char *sparsity;
    /* The section mask of a recipe: "mask.scope=layer", "mask.score=synflow", "mask.layers=[conv*]" ...; mask.shuffle asks for random masks. Keys that say
     * nothing of a file alone are WN_EUSAGE. "model.arch=lenet5" where the file does not say it; snip and grasp look at images: data.*, train.batch. */
    const char *const *set;
    int sets;
    uint64_t seed; /* of all that is drawn: shuffled masks, random scores and bases, images of scores, drawn counts */
    const char *data_folder;
    int threads; /* 0: all CPUs */
    /* Where data of your own lie, instead of those that the file names: as wn_data_recognise finds their set; NULL: these. */
    const char *data;
    const wn_stop *stop; /* NULL: only wn_request_stop ends it */
    bool dense;          /* write every weight, with masks beside; else the active ones alone (docs/format.md) */
    const char *names;   /* a file of patterns that rename the tensors of `weights`; NULL: none */
} wn_prune_options;

typedef struct wn_prune_summary {
    double asked;
    int64_t selected, selected_nonzero;         /* weights that may be pruned */
    int64_t network, network_nonzero;           /* all trained scalars */
    int64_t forward_flops, dense_forward_flops; /* per image */
    int64_t bytes, dense_bytes;                 /* estimates: values with the smallest pattern; 4 a number */
} wn_prune_summary;
/* As a mask stage of a recipe prunes what it trained: the same masks, bit for bit. summary may be NULL. */
WN_API WN_NODISCARD wn_status wn_prune(const wn_prune_options *options, wn_prune_summary *summary);

/* A tensor of a weights file or checkpoint. */
typedef struct wn_tensor_info {
    const char *name, *dtype;
    int dims;
    int64_t dim[WN_MAX_DIMS];
    int64_t count, nonzero; /* nonzero: of the values; of the mask for tensors that have one; stored ones of compressed weights */
    bool masked;
    bool compressed; /* a weight in compressed rows, shown once, in its dense shape */
} wn_tensor_info;
typedef struct wn_file_summary {
    int64_t tensors, count, nonzero;      /* of weights, biases and batch norm; masks and optimizer slots left out */
    int64_t masked_count, masked_nonzero; /* of the tensors with masks, and of the compressed ones */
    int64_t bytes;                        /* of the file */
    bool checked;                         /* it carries checksums, and they are right */
} wn_file_summary;
typedef void (*wn_tensor_visit)(void *user, const wn_tensor_info *tensor);
typedef void (*wn_text_visit)(void *user, const char *key, const char *value);
/* The tensors and metadata of a weights file: Winnow's, or of another program, with "looks like" in the metadata. Callbacks and summary may be NULL. */
WN_API WN_NODISCARD wn_status wn_inspect(const char *path, wn_tensor_visit visit, wn_text_visit meta, void *user, wn_file_summary *summary);
/* ... whose tensors are renamed by a file of patterns; NULL: they are not. */
WN_API WN_NODISCARD wn_status wn_inspect_named(const char *path, const char *names, wn_tensor_visit visit, wn_text_visit meta, void *user,
                                               wn_file_summary *summary);

/* ---- listings: methods, models, optimizers, losses, metrics, schedules, transforms of samples, recipe sections. All texts are static, or NULL where there is none. */

typedef enum wn_list {
    WN_LIST_METHODS,
    WN_LIST_MODELS,
    WN_LIST_OPTIMIZERS,
    WN_LIST_LOSSES,
    WN_LIST_METRICS,
    WN_LIST_SCHEDULES,
    WN_LIST_DATASETS,
    WN_LIST_BACKENDS,
    WN_LIST_SECTIONS,
    WN_LIST_TRANSFORMS,
    WN_LIST_NODES /* of networks in YAML */
} wn_list;

typedef struct wn_list_entry {
    const char *name, *summary, *paper;
} wn_list_entry;
WN_API int wn_list_count(wn_list list); /* 0 for a value that is no list */
/* WN_EINVAL unless 0 <= index < wn_list_count(list). */
WN_API WN_NODISCARD wn_status wn_list_get(wn_list list, int index, wn_list_entry *entry);

typedef struct wn_setting_info {
    const char *name, *help;
    const char *type;           /* yes/no, whole number, number, text, choice, time, sparsity, mapping */
    const char *fallback;       /* default as written; for a method its own value; NULL: required, or decided elsewhere */
    double min, max;            /* numbers; equal: unbounded */
    const char *const *choices; /* NULL-terminated; NULL unless a choice */
} wn_setting_info;
/* The setting-th setting of entry `index`; WN_ENOTFOUND past the last one. Texts are valid until the next call in this thread. */
WN_API WN_NODISCARD wn_status wn_list_setting(wn_list list, int index, int setting, wn_setting_info *info);

#ifdef __cplusplus
}
#endif
#endif
