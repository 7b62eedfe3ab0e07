/* The section `sweep` of a recipe: which method, which keys over which values, how they are searched, when trials are stopped early. */
#ifndef WN_RECIPE_SWEEP_SECTION_H
#define WN_RECIPE_SWEEP_SECTION_H

#include "nn/metric.h"
#include "recipe/bind.h"

enum { WN__MOST_SWEEP_KEYS = 24, WN__MOST_TRIALS = 100000 };

typedef enum wn__search { WN__SEARCH_RANDOM, WN__SEARCH_GRID } wn__search;

typedef enum wn__sweep_range { WN__RANGE_LIST, WN__RANGE_UNIFORM, WN__RANGE_LOG, WN__RANGE_INT, WN__RANGE_LOG_INT } wn__sweep_range;
extern const char *const wn__sweep_range_names[]; /* "list", "uniform", "log", "int", "log_int", NULL */

/* The values of one key. */
typedef struct wn__sweep_key {
    const char *name;           /* as written: "topology.alpha" */
    const wn__yaml_node *node;  /* its values */
    const wn__yaml_node *items; /* of a list */
    int range;                  /* wn__sweep_range */
    double low, high;           /* both are values */
    double step;                /* from low on; 0: any value between */
    int64_t points;             /* of a grid; 0: not said */
    const char *unit;           /* behind each number: "it", "ep", "%"; "": none */
} wn__sweep_key;

typedef struct wn__sweep_section {
    const wn__yaml_node *node; /* NULL: the recipe has none */
    const char *method;        /* NULL: the only one that is compared */
    const char *objective;     /* "validation_accuracy", "validation_loss"; NULL: of the headline */
    const wn__metric *metric;  /* of the objective; NULL: the headline */
    int search;                /* wn__search */
    int64_t trials, seed;
    const wn__yaml_node *sparsity, *seeds; /* instead of compare's; NULL: those */
    wn__sweep_key key[WN__MOST_SWEEP_KEYS];
    int keys;
    bool halves;
    wn__steps first; /* length of the first rung */
    int64_t factor;
} wn__sweep_section;

/* WN_EUSAGE with the place of the fault. Whether keys and values are those of a recipe is not looked at. */
wn_status wn__sweep_section_defaults(wn__sweep_section *section);
wn_status wn__sweep_section_read(wn__sweep_section *section, const wn__yaml_node *node);
/* What running needs: a space, a number of trials. */
wn_status wn__sweep_section_check(const wn__sweep_section *section);

extern const wn__setting wn__sweep_settings[], wn__halving_settings[];

/* ---- values. New references; NULL: out of memory. */

/* Points of the grid, or the number of random trials. */
int64_t wn__sweep_trial_count(const wn__sweep_section *section);
/* The values of trial `number`, by the keys' names. They depend on section and number alone. */
json_t *wn__sweep_params(const wn__sweep_section *section, int64_t number);
/* A node as JSON: numbers and true/false as such, all else as texts. */
json_t *wn__yaml_json(const wn__yaml_node *node);
/* A value is possible for a key: WN_EUSAGE says why not. A whole number given as 5.0 becomes 5 in params. */
wn_status wn__sweep_key_check(const wn__sweep_key *key, json_t *params);
const wn__sweep_key *wn__sweep_key_find(const wn__sweep_section *section, const char *name); /* NULL: no such key */
/* The first and the last value of a key, to try out. */
json_t *wn__sweep_key_end(const wn__sweep_key *key, bool last);
/* "topology.alpha=0.3, train.lr.constant.base=0.1" */
void wn__sweep_params_show(const json_t *params, wn__text *out);
/* A value as it stands in a recipe: 0.3, 250it, "layer". */
void wn__sweep_value_show(const json_t *value, const char *unit, wn__text *out);

#endif
