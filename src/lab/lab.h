/* What every analysis of the lab begins and ends with: networks read, a folder for results, units of work that are kept when it is cut off. */
#ifndef WN_LAB_LAB_H
#define WN_LAB_LAB_H

#include <jansson.h>

#include "analysis/probe.h"
#include "base/files.h"
#include "report/figure_files.h"
#include "report/report_table.h"
#include "run/context.h"
#include "winnow/lab.h"

enum { WN__MOST_COMPARED = 40 }; /* networks side by side */

typedef struct wn__lab_network {
    char *label, *path;
    wn__params params; /* dense, with masks */
} wn__lab_network;

typedef struct wn__lab {
    const wn_lab_options *options; /* borrowed, as `analysis` */
    const char *analysis;          /* "interpolate" */
    wn__recipe *recipe;
    wn__context context;
    wn__lab_network *network; /* (count) of one architecture */
    int count;
    json_t *question; /* all that the result depends on */
    char *folder;     /* of the results; exists, and is locked */
    wn__lock lock;
    bool locked;
    bool answered; /* an earlier call has the result: wn__lab_answer */
    json_t *units; /* those that are done, by name */
    wn__append journal;
    double started;
} wn__lab;

/* Comes first. WN_EINVAL: networks or settings that are not there, a negative count. */
wn_status wn__lab_check(const wn_lab_options *options);
/* `least` to `most` networks. `question` (taken over) holds what else the result depends on. Data are not loaded yet: wn__lab_load. */
wn_status wn__lab_open(const wn_lab_options *options, const char *analysis, int least, int most, json_t *question, wn__lab *out);
/* Without networks, units and data: for an analysis that trains what it looks at. */
wn_status wn__lab_open_alone(const wn_lab_options *options, const char *analysis, json_t *question, wn__lab *out);
void wn__lab_close(wn__lab *lab); /* accepts a zeroed one */

/* Data, threads, and the splits. */
wn_status wn__lab_load(wn__lab *lab);
/* Training stream of data for measurements: of replicate 0. */
wn__loader_options wn__lab_loader(const wn__lab *lab);
/* Inference, on the backend for its masks. */
wn_status wn__lab_start(wn__lab *lab, wn__network *net);
/* A network (zeroed before) with the space's entries as masks, that infers. */
wn_status wn__lab_union_network(wn__lab *lab, const wn__space *space, wn__network *out);
const wn__backend *wn__lab_backend(const wn__lab *lab, const wn__params *params);

/* Weights of a file that were trained as coefficients become those, with the file's masks over them; others stay as they are. */
wn_status wn__lab_enter_basis(const char *path, wn__params *params);

/* Work in units that are written down as they are done; values are objects. Progress counts units. */
const json_t *wn__lab_unit(const wn__lab *lab, const char *name);            /* NULL: not done yet */
wn_status wn__lab_unit_done(wn__lab *lab, const char *name, json_t *values); /* taken over */
wn_status wn__lab_progress(wn__lab *lab, int64_t done, int64_t all);         /* WN_ESTOPPED if asked to stop */

/* An answer: tables (CSV each, and the text of all), figures, result.json written last. `result` is taken over, tables and figures are released. */
typedef struct wn__lab_answer {
    json_t *result;
    wn__table *table; /* (tables) */
    int tables;
    wn__figure_files figures;
} wn__lab_answer;
wn_status wn__lab_finish(wn__lab *lab, wn__lab_answer *answer, wn_lab_result *out);
void wn__lab_answer_release(wn__lab_answer *answer); /* accepts a zeroed one */
/* The earlier call's. */
wn_status wn__lab_repeat(const wn__lab *lab, wn_lab_result *out);

/* A part of the data by name (WN_EUSAGE lists the valid ones); NULL: validation if there is some, else test. */
wn_status wn__lab_part(const char *name, const wn__split *split, wn__part *part);
/* Label of network i that is not too long for a legend. */
const char *wn__lab_short_label(const wn__lab *lab, int i, char *text, size_t size);

#endif
