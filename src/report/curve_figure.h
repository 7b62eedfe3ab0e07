/* Learning curves, at a few sparsities. */
#ifndef WN_REPORT_CURVE_FIGURE_H
#define WN_REPORT_CURVE_FIGURE_H

#include "report/figure_plan.h"

wn_status wn__curve_figure(const wn__figure_plan *p, wn__sheet *s, bool *drawn);

#endif
