/* Networks by name, as winnow/lab.h says: files, stages of a store, points of their training. */
#ifndef WN_LAB_LAB_NAMES_H
#define WN_LAB_LAB_NAMES_H

#include "run/experiment.h"
#include "winnow/lab.h"

/* A stage of the store that has trained. Texts in memory of wn__alloc. */
typedef struct wn__lab_stage {
    char *identity, *label, *folder;
    bool coefficients; /* states hold coefficients of a basis: wn__stage_state_as_network */
} wn__lab_stage;
void wn__lab_stage_release(wn__lab_stage *s); /* accepts a zeroed one */

/* By identity, its beginning (6 digits or more) or label. WN_ENOTFOUND names the nearest label; several stages of one label, a stage that is
 * not done or does not train: WN_EUSAGE. */
wn_status wn__lab_find_stage(const wn_lab_options *o, const char *name, wn__lab_stage *out);
/* The experiment that a stage belongs to, opened again, and its place in the plan. WN_EMISMATCH if this build or machine would give the stage
 * another identity. Close with wn__experiment_close. */
wn_status wn__lab_open_experiment(const wn_lab_options *o, const wn__lab_stage *stage, wn__experiment *out, int *index);

/* Path of a state as a network. Free with wn__free. */
char *wn__lab_weights_path(const char *folder, int64_t step);

/* What a name stands for: a weights file, and what to call it. Both in memory of wn__alloc. */
wn_status wn__lab_find_network(const wn_lab_options *o, const char *name, char **path, char **label);

#endif
