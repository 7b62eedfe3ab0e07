/* What a plan tells of itself before anything runs: what its author may not mean, and what soft labels weigh. Each thing is told once, and nothing depends
 * on it. */
#ifndef WN_PLAN_ADVICE_H
#define WN_PLAN_ADVICE_H

#include "plan/agenda.h"

void wn__agenda_advise(const wn__agenda *plan);

#endif
