/* Figures of a study: *drawn is left alone where there is nothing to draw. A column per sparsity, three at most. */
#ifndef WN_REPORT_STUDY_FIGURES_H
#define WN_REPORT_STUDY_FIGURES_H

#include "recipe/study.h"
#include "report/figure_sheet.h"

wn_status wn__study_flow_figure(const json_t *study, wn__sheet *s, bool *drawn); /* norm of the gradient, loss, against steps */
wn_status wn__study_line_figure(const json_t *study, wn__sheet *s, bool *drawn); /* loss and error between networks */
wn_status wn__study_map_figure(const json_t *study, wn__sheet *s, bool *drawn);  /* distances of weights in the plane */

#endif
