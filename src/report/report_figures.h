/* The figures of a report, drawn by gnuplot as SVG and PDF files. */
#ifndef WN_REPORT_REPORT_FIGURES_H
#define WN_REPORT_REPORT_FIGURES_H

#include "report/report_data.h"

enum { WN__MOST_FIGURES = 16 };

typedef struct wn__figure {
    char name[48], title[96], caption[640]; /* files are NAME.svg and NAME.pdf */
    double width;                           /* of the picture in pixels, for the page */
    char left_out[256];                     /* what it has no room for; "": nothing */
} wn__figure;

typedef struct wn__figures {
    wn__figure figure[WN__MOST_FIGURES];
    int count;
} wn__figures;

/* Draw what the results have data for into `folder`, which is made. WN_EUNSUPPORTED: no gnuplot. */
wn_status wn__figures_draw(const wn__results *results, const char *folder, wn__figures *figures);

#endif
