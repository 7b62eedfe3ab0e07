/* The store: one folder per stage under its identity, one per experiment under its name (see winnow/experiment.h).
 *
 * A stage's folder is stages/<first 16 digits of its identity>; stage.json holds the whole identity. done.json is written last, atomically: a stage
 * is done if and only if it is there and can be read. Whoever runs a stage holds its lock; the kernel frees the lock of a process that dies.
 */
#ifndef WN_RUN_STORE_H
#define WN_RUN_STORE_H

#include "base/files.h"
#include "plan/agenda.h"

#define WN__STORE_DEFAULT "winnow-runs"

typedef enum wn__stage_state {
    WN__STATE_WAITING,
    WN__STATE_INTERRUPTED,
    WN__STATE_RUNNING,
    WN__STATE_FAILED,
    WN__STATE_DONE
} wn__stage_state;
extern const char *const wn__stage_state_names[]; /* "waiting", ... */

/* Paths in memory of wn__alloc; NULL if there is none. */
char *wn__store_stage_folder(const char *root, const char *identity);
char *wn__store_experiment_folder(const char *root, const char *name);

bool wn__store_is_done(const char *root, const char *identity);
wn__stage_state wn__store_state(const char *root, const char *identity);
/* By its folder; the same for folders that no plan knows. */
wn__stage_state wn__store_folder_state(const char *folder);

/* Lock the stage, waiting for another process that runs it; make its folder, stage.json and environment.json; forget an old failure.
 * *done = it was done already, perhaps by that process. WN_EMISMATCH: the folder belongs to another identity. */
wn_status wn__store_begin(const char *root, const wn__agenda *plan, const wn__stage *stage, const wn_stop *stop, wn__lock *lock,
                          bool *done);
/* done.json: identity and `result`, which is taken over. */
wn_status wn__store_finish(const char *root, const wn__stage *stage, json_t *result);
/* Write down why a stage failed (the message of the current failure) for those who ask later. Keeps status and message. */
void wn__store_note_failure(const char *root, const wn__stage *stage, wn_status status);
/* The failure noted; WN_ENOTFOUND if there is none. message (size) */
wn_status wn__store_failure(const char *root, const wn__stage *stage, wn_status *status, char *message, size_t size);
/* The `result` of a done stage: caller json_decref. */
wn_status wn__store_result(const char *root, const char *identity, json_t **result);
/* Remove a stage's folder unless somebody runs it (WN_EBUSY). */
wn_status wn__store_remove(const char *root, const char *identity);
wn_status wn__store_remove_folder(const char *folder);

/* What a stage runs with, or (NULL) all of them: version, CPU, instruction set, backend, dtype, threads, compiler. New reference; NULL if out of
 * memory. */
json_t *wn__environment(const wn__agenda *plan, const wn__stage *stage);

/* Real number, null if it is not finite. NULL if out of memory. */
json_t *wn__json_real_or_null(double value);

#endif
