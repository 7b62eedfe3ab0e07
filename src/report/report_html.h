/* The page of a report: HTML with its style and its figures inside. */
#ifndef WN_REPORT_REPORT_HTML_H
#define WN_REPORT_REPORT_HTML_H

#include "base/text.h"
#include "report/report_figures.h"

/* The page as text, added to `out`. `figures` were drawn into `figure_folder`; if there are none, `note` says why.
 * Equal results give equal text. */
wn_status wn__report_page(const wn__results *results, const wn__figures *figures, const char *figure_folder, const char *note,
                          wn__text *out);

/* An SVG file of gnuplot made ready to stand in a page: prolog cut off, black made the page's own text colour, identifiers made unique by
 * `name`, titles (which browsers would show as tool tips) left out. WN_EFORMAT if there is no <svg>. */
wn_status wn__svg_inline(const char *svg, const char *name, wn__text *out);

#endif
