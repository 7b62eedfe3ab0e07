/* What all figures of a report share: which methods and sparsities are drawn, in which panels and styles. */
#ifndef WN_REPORT_FIGURE_PLAN_H
#define WN_REPORT_FIGURE_PLAN_H

#include "report/figure_sheet.h"
#include "report/report_data.h"

/* Methods drawn into one panel. Many methods are split by their labels, so that a method and its soft-label twin have the same colour. */
typedef struct wn__figure_group {
    const char *title;
    int *methods, *styles; /* (count); room for all methods */
    int count;
} wn__figure_group;

typedef struct wn__figure_plan {
    const wn__results *r;
    const wn__cell *dense; /* NULL if it is not there */
    wn__figure_group groups[2];
    int group_count;
    double *sparsities;  /* ascending, of the groups' cells */
    char (*percent)[16]; /* the same as text */
    int sparsity_count;
    int *numbers;         /* owned: the memory of all groups, and of the next two */
    int *blocks, *beyond; /* data blocks of the panel that is being drawn: (methods or sparsities, whichever are more) */
} wn__figure_plan;

wn_status wn__figure_plan_make(const wn__results *r, wn__figure_plan *p);
void wn__figure_plan_release(wn__figure_plan *p);

/* A method with a cell above sparsity 0. */
bool wn__figure_compares(const wn__results *r, int method);
/* Sparsities are drawn over the logarithm of what is left, as the literature does: 80, 90, 95 % lie one step apart. */
double wn__figure_place(double sparsity);
void wn__figure_sparsity_axis(wn__sheet *s, const wn__figure_plan *p);
/* A legend of the group's methods; `grey` names the grey line, NULL for none. */
void wn__figure_legend(wn__sheet *s, const wn__figure_plan *p, const wn__figure_group *g, int row, int column, int span, const char *grey);

#endif
