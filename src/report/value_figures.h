/* Figures of the metric that is shown: over sparsity, as differences from baselines, and over the price of training. */
#ifndef WN_REPORT_VALUE_FIGURES_H
#define WN_REPORT_VALUE_FIGURES_H

#include "report/figure_plan.h"

wn_status wn__headline_figure(const wn__figure_plan *p, wn__sheet *s, bool *drawn);
wn_status wn__difference_figure(const wn__figure_plan *p, wn__sheet *s, bool *drawn);
wn_status wn__price_figure(const wn__figure_plan *p, wn__sheet *s, bool *drawn);

#endif
