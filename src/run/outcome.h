/* What a training ended with that its author may not expect: told once, at its end. */
#ifndef WN_RUN_OUTCOME_H
#define WN_RUN_OUTCOME_H

#include "plan/agenda.h"
#include "train/trainer.h"

void wn__outcome_tell(const wn__recipe *recipe, const wn__stage *stage, const wn__params *params, const wn__train_result *reached);

#endif
