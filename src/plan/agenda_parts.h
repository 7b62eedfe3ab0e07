/* What the files that make an agenda share. */
#ifndef WN_PLAN_AGENDA_PARTS_H
#define WN_PLAN_AGENDA_PARTS_H

#include "plan/agenda.h"

/* Without stages. */
wn_status wn__agenda_new(const wn__recipe *recipe, const wn__machine *machine, wn__agenda **out);
/* Takes over *draft. *index = the new stage, or the one that is the same already. what: its label without the seed. */
wn_status wn__agenda_add_stage(wn__agenda *plan, wn__stage *draft, const char *what, int *index);
wn_status wn__agenda_add_row(wn__agenda *plan, const wn__agenda_row *row);
/* parent: a stage, or -1 for none. */
wn_status wn__stage_add_parent(wn__stage *stage, int parent);
/* Let stage `index` keep its state before `step`. */
wn_status wn__agenda_keep_point(wn__agenda *plan, int index, int64_t step);

/* agenda_worlds.c: samples of a stage whose parents are known, and whether the data has as many. Dense runs that masks come from are trained
 * on a third sample if both worlds share them. */
bool wn__agenda_shares_origin(const wn__recipe *recipe);
void wn__agenda_set_world(const wn__agenda *plan, wn__stage *draft);
void wn__agenda_set_mask_world(const wn__agenda *plan, wn__stage *draft);
wn_status wn__agenda_check_world(const wn__agenda *plan);

/* start_weights.c: */
/* Opens the files of the section model: they fit the network, and what new_head and trains_dense say follows. */
wn_status wn__agenda_check_weights(wn__agenda *plan);
/* Is the dense run a file as it is? */
bool wn__agenda_has_dense_file(const wn__agenda *plan);
/* Rows that begin before any training of their own: t's start, which is that of a network trained elsewhere. WN_EUSAGE where that one's earlier
 * weights are wanted and no file has them. */
wn_status wn__agenda_start_elsewhere(wn__agenda *plan, const wn__row *row, int64_t rewind, wn__train_plan *t);
/* Do the files that rows name fit the networks that begin with them? Of a plan with all its rows. */
wn_status wn__agenda_check_starts(const wn__agenda *plan);
/* wn__weights_digest, once for each file. */
wn_status wn__agenda_digest(const wn__agenda *plan, const char *path, const char *names, char digest[WN__SHA256_TEXT]);
void wn__agenda_free_digests(wn__agenda *plan);

/* agenda_labels.c: draft->label = "<what> seed <n>", or where another stage has that one "<what> (<in what it differs>) seed <n>". */
wn_status wn__agenda_label(const wn__agenda *plan, wn__stage *draft, const char *what);

/* agenda_caches.c, agenda_lab.c: of a plan with all its rows. */
wn_status wn__agenda_add_caches(wn__agenda *plan);
wn_status wn__agenda_keep_for_lab(wn__agenda *plan);

#endif
