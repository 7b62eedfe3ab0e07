/* What masks reached where it is not what was asked for. */
#ifndef WN_REPORT_REACHED_H
#define WN_REPORT_REACHED_H

#include "base/text.h"
#include "report/report_data.h"

/* A sentence for each cell whose masks keep another number of weights than its sparsity says, but for rounding. */
void wn__note_reached(const wn__results *r, wn__text *note);

#endif
