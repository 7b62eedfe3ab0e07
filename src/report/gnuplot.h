/* gnuplot as a child process, without a shell. */
#ifndef WN_REPORT_GNUPLOT_H
#define WN_REPORT_GNUPLOT_H

#include "winnow/core.h"

/* Run the script `script` (a name in `folder`) with `folder` as working directory; what gnuplot prints goes to gnuplot.log there.
 * WN_EUNSUPPORTED: there is no gnuplot (PATH is searched; WINNOW_GNUPLOT names another program), or it failed: then
 * the message has its last words. */
wn_status wn__gnuplot_run(const char *folder, const char *script);

/* The time of creation in a PDF file made by cairo is set to a fixed one, so that equal figures are equal files. */
wn_status wn__pdf_fix_date(const char *path);

#endif
