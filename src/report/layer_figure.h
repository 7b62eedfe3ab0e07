/* What masks leave of each layer. */
#ifndef WN_REPORT_LAYER_FIGURE_H
#define WN_REPORT_LAYER_FIGURE_H

#include "report/figure_plan.h"

wn_status wn__layer_figure(const wn__figure_plan *p, wn__sheet *s, bool *drawn);

#endif
