/* A recipe: what a YAML file says, checked, with all defaults filled in. Sections: name, data, model, train, backend, dtype, threads, memory,
 * compare, mask, labels, teacher, methods, report, sweep. docs/recipe.md describes them to users. */
#ifndef WN_RECIPE_RECIPE_H
#define WN_RECIPE_RECIPE_H

#include "data/augment.h"
#include "data/dataset.h"
#include "data/loader.h"
#include "data/transform.h"
#include "methods/method.h"
#include "models/model.h"
#include "nn/average.h"
#include "nn/init.h"
#include "nn/loss.h"
#include "nn/metric.h"
#include "nn/optimizer.h"
#include "nn/schedule.h"
#include "recipe/bind.h"
#include "recipe/sweep_section.h"
#include "sparse/basis/basis.h"
#include "sparse/dense_to_sparse/gradual.h"
#include "sparse/dense_to_sparse/thinning.h"
#include "sparse/prune/blocks.h"
#include "sparse/prune/distribution.h"
#include "sparse/prune/mask.h"

/* What is longer is refused with a message: more seeds would take hours to plan, longer texts fit no message, key or file. */
enum { WN__MOST_SEEDS = 10000, WN__MOST_ROUNDS = 1000, WN__MOST_PATTERNS = 32, WN__LONGEST_PATTERN = 300, WN__LONGEST_ROW_NAME = 120 };

typedef struct wn__data_section {
    const wn__dataset_type *type; /* held */
    const char *may_lack;         /* as in wn__recipe_source; while reading */
    bool unlisted, placeless;     /* the same */
    const char *absent;           /* that name, if the set is not here: the section says nothing then; else NULL */
    void *config;                 /* of the type's settings; owned */
    const char *validation, *normalize;
    char tenth[32]; /* where validation is a tenth because nothing was said and the default is too much */
    int64_t train_size;
    int last_batch; /* wn__last_batch */
    wn__augment augment;
    wn__transforms transforms, fit; /* of `augment`, where it lists more than that; and of `evaluate`. Owned */
    double label_noise;
    bool unverified;
    wn__data_facts facts; /* of the set with these settings */
    /* Of wn__data_settle (data_record.h): what the files hold. */
    bool lacks_files; /* they are not there */
    bool settled;
    wn__data_contents contents;
    char contents_key[WN__SHA256_TEXT]; /* part of keys; "": published, or nothing to tell */
} wn__data_section;

typedef enum wn__head_classes { WN__CLASSES_OF_FILE, WN__CLASSES_OF_DATA } wn__head_classes;

typedef struct wn__model_section {
    const wn__model *type;                     /* NULL: from a file */
    void *config;                              /* owned */
    const char *file;                          /* NULL: none */
    const char *weights, *names, *rewind_file; /* "": none: of a network that was trained elsewhere, which takes the dense run's place */
    int classes;                               /* wn__head_classes */
} wn__model_section;

/* Learning rates as written; wn__recipe.schedule holds them in steps. */
typedef struct wn__rate_section {
    int kind; /* wn__schedule_kind */
    double base, factor, final, power, initial;
    int64_t growth;
    wn__steps warm_up, period, peak;
    bool warm_up_from_zero;
    int per; /* 0: changes per step, 1: per epoch */
    wn__steps at[WN__MAX_MILESTONES];
    int ats;
} wn__rate_section;

typedef struct wn__train_section {
    int64_t epochs, steps, batch, micro_batch, evaluate_every;
    double smoothing, clip_norm, clip_value;
    const wn__loss_type *loss;             /* of hard labels; NULL before wn__recipe_resolve where none is named */
    void *loss_config;                     /* owned */
    const char *freeze[WN__MOST_PATTERNS]; /* (freezes) names of parameters that training leaves as they are, as in nn/freezing.h */
    int freezes;
    const wn__metric *asked[WN__MOST_METRICS]; /* (askeds) by name, the headline first */
    int askeds;
    wn__metric_set metrics; /* of wn__recipe_settle_targets */
    const wn__optimizer_type *optimizer;
    void *optimizer_config; /* owned */
    wn__rate_section rate;
    wn__average_rule average;
    wn__init_options init;
} wn__train_section;

/* auto: the first layer stays dense under `uniform`, as in RigL's paper */
typedef enum wn__dense_first { WN__FIRST_AUTO, WN__FIRST_SPARSE, WN__FIRST_DENSE } wn__dense_first;

typedef enum wn__inner { WN__INNER_OWN, WN__INNER_WEIGHT_REWIND } wn__inner;

typedef struct wn__mask_section {
    wn__scoring scoring;  /* what weights are ranked by */
    wn__basis_spec basis; /* what they are coefficients of */
    int scope, rule, empty;
    int64_t rounds;                   /* >= 1; not used if rate > 0 */
    double rate;                      /* > 0: each round prunes this much of what is left, as many rounds as the sparsity needs */
    int inner;                        /* wn__inner */
    wn__steps rewind;                 /* of the inner rule weight-rewind */
    int shuffle;                      /* wn__shuffle: of random masks */
    const char *file;                 /* "": none */
    const char *of;                   /* "": the dense run; else the row whose result is pruned */
    wn__gradual_rule gradual;         /* of masks that are made while training: gradually, */
    wn__threshold_rule threshold;     /* by learning, */
    wn__alternation_rule alternating; /* in phases, */
    wn__n_of_m n_of_m;                /* and in groups; of scope n-of-m, too */
    /* of drawn masks */
    int distribution; /* wn__distribution */
    int block;        /* wn__block */
    double power;
    int dense_first;          /* wn__dense_first */
    int counting;             /* wn__counting */
    const char *densities;    /* "": none; a file of masks, for distribution `file` */
    const char *flops_budget; /* "": none; instead of a sparsity */
    wn__layer_sparsity layer[WN__MOST_PATTERNS];
    int own_sparsities; /* in `layer` */
    const char *layers[WN__MOST_PATTERNS];
    int patterns; /* 0: the default selection */
} wn__mask_section;

typedef struct wn__labels_section {
    wn__loss soft;   /* temperature, alpha, reduction */
    wn__steps until; /* soft labels before it; unit 0: always */
    double epsilon;  /* of smoothed labels */
} wn__labels_section;

typedef enum wn__cache_mode { WN__CACHE_AUTO, WN__CACHE_ON, WN__CACHE_OFF } wn__cache_mode;
enum { WN__MOST_TEACHER_FILES = 8 };
typedef struct wn__teacher_file {
    const char *file, *arch, *names; /* arch "": the recipe's network; names as in the section model */
} wn__teacher_file;
typedef struct wn__teacher_files {
    wn__teacher_file file[WN__MOST_TEACHER_FILES];
    int count; /* 0: the replicate's dense network */
} wn__teacher_files;
typedef struct wn__teacher_section {
    int dtype; /* wn__dtype */
    int cache; /* wn__cache_mode */
    wn__teacher_files files;
} wn__teacher_section;

/* A method as this recipe has it. */
typedef struct wn__row {
    const char *name, *base;   /* base: the table's row that it comes from */
    const wn__method *method;  /* of `base`: summary and paper */
    const wn__yaml_node *node; /* where the recipe changed it; NULL if it did not */
    wn__method_axes axes;
    const char *start_file; /* "": none */
    const char *backend;    /* "": the recipe's */
    double stretch;         /* training, and the times of its schedules, are so many times the dense run's */
    wn__mask_section mask;
    int selection; /* what the mask may prune: in recipe->selection; compared rows only */
    wn__labels_section labels;
    wn__teacher_section teacher;
} wn__row;

typedef struct wn__report_section {
    const char **baseline; /* (baselines) the list is owned */
    int baselines;
    const char **claim; /* (claims) the list is owned; recipe/claims.h */
    int claims;
    double margin; /* points, or a number of a headline that is no share, where 0 is none */
    bool short_budget;
} wn__report_section;

typedef struct wn__top_section {
    const char *name, *backend;
    int dtype;       /* wn__dtype */
    int64_t threads; /* 0: not said */
    double memory;   /* GiB that activations may take; 0: no limit */
    int kernels;     /* wn__kernels */
    int world;       /* wn__world */
} wn__top_section;

/* Real and ideal world side by side: evaluations of both, where tickets come from, and what `lab bootstrap` varies. */
typedef enum wn__origin { WN__ORIGIN_OWN, WN__ORIGIN_SHARED } wn__origin;
enum { WN__MOST_SIZES = 16 };
typedef struct wn__bootstrap_section {
    int64_t every, early, train_images; /* as wn__evaluation_steps; train_images 0: all */
    int origin;                         /* wn__origin */
    double converged;                   /* soft error on training images that T0 is the first step at or below of */
    double margin;                      /* points of soft error within which a gap counts as small */
    int64_t n[WN__MOST_SIZES];          /* sizes of the real world, one after the other */
    int sizes;
    const wn__yaml_node *variants; /* name to changes of the recipe; NULL: none */
} wn__bootstrap_section;

/* What `winnow lab study` measures, for every seed; ensembles: over all seeds. Rows of all but flow may name a point of their training: "ticket@start", "rigl@2000". */
enum { WN__MOST_LAB_ROWS = 16, WN__MOST_LAB_PAIRS = 24, WN__MOST_LAB_STEPS = 24 };
typedef struct wn__lab_section {
    const char *flow[WN__MOST_LAB_ROWS], *compare[WN__MOST_LAB_ROWS], *hessian[WN__MOST_LAB_ROWS], *ensemble[WN__MOST_LAB_ROWS];
    const char *line[WN__MOST_LAB_PAIRS][2];
    int flows, compares, hessians, ensembles, lines;
    wn__steps at[WN__MOST_LAB_STEPS]; /* of flow, ascending */
    int ats;
    int64_t images, points, train_images, hessian_images, lanczos_steps;
} wn__lab_section;

typedef struct wn__recipe {
    wn__yaml *doc;                    /* texts above point into it */
    char *default_name, *folder_name; /* owned; what the experiment's folder is called, after its name */
    wn__top_section top;
    wn__data_section data;
    wn__model_section model;
    wn__train_section train;
    wn__mask_section mask;
    wn__labels_section labels;
    wn__teacher_section teacher;
    wn__report_section report;
    wn__bootstrap_section bootstrap;
    wn__sweep_section sweep; /* of wn_sweep_run alone; not in the resolved recipe */
    wn__lab_section lab;
    wn__row *row; /* (rows) owned, as the lists that follow */
    const char **row_name;
    int rows;
    wn__selection *selection; /* (selections) of compared rows: see wn__row.selection */
    int selections;
    int *compared; /* (methods) indices into row */
    int methods;
    double *sparsity; /* (sparsities) */
    int sparsities;
    uint64_t *seed; /* (seeds) */
    int seeds;
    const wn__yaml_node *methods_node, *compare_node;
    bool faulty; /* while it is read: faults were found, so that rows are only read, not checked against what is missing */
    /* What follows from the above. */
    wn_graph *graph;
    const char *arch; /* name or file */
    char *network;    /* sections data and model as YAML: what weight files carry; owned */
    int64_t train_images, validation_images, test_images;
    int64_t world_samples; /* of a world: the stream that both worlds draw on, `train_images` of it again and again in the real one */
    wn__clock clock;       /* of the dense run */
    wn__schedule schedule;
} wn__recipe;

typedef struct wn__recipe_source {
    const char *path; /* NULL: `text`, or if that is NULL too an empty recipe */
    const char *text; /* YAML; `label` stands for the file's name in messages */
    const char *label;
    const char *at;         /* NULL, or what the text is of a recipe: "train.init" */
    const char *const *set; /* "key=value" (sets) */
    int sets;
    const char *seeds;    /* NULL, or instead of compare.seeds */
    bool no_compare;      /* leave out compare and report (wn_train) */
    const char *may_lack; /* a data set that need not be known here: what weights were trained on; NULL: none */
    bool unlisted;        /* such a set of pictures counts as not here: listing takes long, and the weights say all that is needed */
    bool placeless;       /* so does any set of pictures that does not say where they lie: inputs are like its pictures */
    const char *data;     /* NULL, or where data lie that take the place of the recipe's: `--data PATH` */
    const char *weights;  /* NULL, or model.weights: `--weights FILE` */
    const char *input;    /* with it, NULL or what a network takes: "3x32x32" */
} wn__recipe_source;

/* WN_EUSAGE with file, line, column and what would be valid. Free with wn__recipe_free. */
wn_status wn__recipe_read(const wn__recipe_source *source, wn__recipe **out);
void wn__recipe_free(wn__recipe *recipe); /* accepts NULL */

/* Sections that single steps use alone: data and model without train and compare (all optional). */
wn_status wn__recipe_read_parts(const wn__recipe_source *source, wn__recipe **out);
/* A loaded set's pictures become the network's as the section says; the set borrows from it. */
void wn__data_section_fit(const wn__data_section *section, wn__dataset *data);
/* data.evaluate as wn__transforms_write has it, with nothing settled. */
wn_status wn__data_section_read_fit(wn__data_section *section, const char *evaluate);
wn_status wn__data_section_normalize(const wn__data_section *section, const wn__dataset *data, wn__normalize *out);
/* What its data set gives a network, and wants of it. */
wn__model_input wn__recipe_input(const wn__recipe *recipe);
/* Fills the second part of the struct; called by wn__recipe_read. */
wn_status wn__recipe_resolve(wn__recipe *recipe);

/* The resolved recipe: all keys, every time in steps. Reading it gives the same recipe. Caller releases the text. */
wn_status wn__recipe_write(const wn__recipe *recipe, wn__text *out);
/* Its sections data and model alone. */
wn_status wn__recipe_write_network(const wn__recipe *recipe, wn__text *out);

/* The section data alone. */
wn_status wn__recipe_write_data(const wn__recipe *recipe, wn__text *out);

/* Settings tables, for listings and slices. */
extern const wn__setting wn__top_settings[], wn__data_settings[], wn__model_settings[], wn__train_settings[], wn__mask_settings[],
    wn__teacher_settings[], wn__teacher_file_settings[], wn__report_settings[], wn__bootstrap_settings[], wn__lab_settings[],
    wn__data_later_settings[], wn__smooth_settings[], wn__until_settings[], wn__row_settings[], wn__distribution_settings[];
/* Rows of a schedule kind over wn__rate_section; `at` of the step schedule is a list and not among them. */
const wn__setting *wn__rate_settings(int kind);
extern const char *const wn__dtype_names[]; /* "float32", "bfloat16", NULL */
extern const char *const wn__cache_names[]; /* "auto", "on", "off", NULL */
extern const char *const wn__inner_names[]; /* "own", "weight-rewind", NULL */

/* Parts of wn__recipe_read. */
wn_status wn__recipe_read_loss(void *recipe, const wn__yaml_node *node);
wn_status wn__recipe_read_metrics(void *recipe, const wn__yaml_node *node);
wn_status wn__recipe_read_augment(void *recipe, const wn__yaml_node *node);
wn_status wn__recipe_read_evaluate(void *recipe, const wn__yaml_node *node);
/* With facts known: what presets leave open, and the size that the network sees. */
wn_status wn__recipe_settle_transforms(wn__data_section *data, const wn__yaml_node *section);
wn_status wn__recipe_read_rows(wn__recipe *recipe);    /* methods: the table's rows and the recipe's changes */
wn_status wn__recipe_read_compare(wn__recipe *recipe); /* methods, sparsity, seeds */
/* Bytes of its key memory. */
static inline int64_t wn__recipe_memory(const wn__recipe *r) { return (int64_t)(r->top.memory * 0x1p30); }
/* "0-4", "0,3,7-9", behind the `count` that there are; at most WN__MOST_SEEDS, each once. *seeds grows by wn__make_room. */
wn_status wn__seeds_parse(const char *text, uint64_t **seeds, int *count);
/* How a mask of this section is pruned to a sparsity, but for counts by layer. */
wn__prune wn__mask_section_prune(const wn__mask_section *m, double sparsity);
wn_status wn__mask_read(wn__mask_section *mask, int *from, const wn__yaml_node *node); /* from: row's mask axis, may be NULL */
/* Of a row outside of the methods table: what its mask may prune, filled in; WN_EUSAGE at row->node where its choices contradict each other. */
wn_status wn__recipe_prepare_mask(wn__recipe *recipe, wn__row *row);
wn_status wn__soft_read(wn__labels_section *labels, const wn__yaml_node *node);
wn_status wn__smooth_read(wn__labels_section *labels, const wn__yaml_node *node);
wn_status wn__teacher_read(wn__teacher_section *teacher, const wn__yaml_node *node);
wn_status wn__lab_section_read(void *recipe, const wn__yaml_node *node);
wn_status wn__lab_section_check(const wn__recipe *recipe);                 /* its rows are methods, compared or not */
const wn__row *wn__recipe_row(const wn__recipe *recipe, const char *name); /* NULL: there is none; "dense" is always there */
bool wn__recipe_compares(const wn__recipe *recipe, const char *row);       /* "ticket", "ticket@start" */
bool wn__lab_section_is_empty(const wn__recipe *recipe);
void wn__lab_section_write(wn__yaml_out *out, const wn__recipe *recipe);
wn_status wn__bootstrap_read(void *recipe, const wn__yaml_node *node);
wn_status wn__bootstrap_check_row(const wn__recipe *recipe, const wn__row *row); /* what the ideal world does not allow */

/* What each sample of the data is to be compared with. */
wn_target_kind wn__recipe_targets(const wn__recipe *recipe);
/* WN_EUNSUPPORTED where that is no class of each: `what` tells classes apart. */
wn_status wn__recipe_need_classes(const wn__recipe *recipe, const char *what);
/* WN_EUSAGE where no evaluation tells it; lists what they tell. */
wn_status wn__recipe_need_metric(const wn__recipe *recipe, const wn__metric *metric);

bool wn__recipe_asks_for(const wn__recipe *recipe, const wn__metric *metric); /* by name */

/* Parts of wn__recipe_resolve. The metrics, and the loss that the data's targets have where none is named; WN_EUSAGE for one that does not fit them. */
wn_status wn__recipe_settle_targets(wn__recipe *recipe);
wn_status wn__recipe_check_labels(const wn__recipe *recipe, const wn__row *row); /* labels that do not fit them */
/* How many images a world has, with data.train_size settled. */
wn_status wn__bootstrap_resolve(wn__recipe *recipe);

#endif
