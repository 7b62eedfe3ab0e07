/* Figure sheets drawn into a folder, each as NAME.svg and NAME.pdf. */
#ifndef WN_REPORT_FIGURE_FILES_H
#define WN_REPORT_FIGURE_FILES_H

#include "report/figure_sheet.h"

enum { WN__MOST_FIGURE_FILES = 16 };

typedef struct wn__figure_files {
    struct {
        const char *name; /* borrowed until wn__figure_files_draw */
        wn__text script;
    } figure[WN__MOST_FIGURE_FILES];
    int count;
    wn__text main_script;
} wn__figure_files;

/* Ends the sheet and takes its script over. Starts with a zeroed `files`. */
wn_status wn__figure_files_add(wn__figure_files *files, wn__sheet *sheet, const char *name);
/* Makes the folder; draws nothing if there is no figure. WN_EUNSUPPORTED: no gnuplot that can draw them. Equal sheets give equal files. */
wn_status wn__figure_files_draw(const wn__figure_files *files, const char *folder);
void wn__figure_files_release(wn__figure_files *files); /* accepts a zeroed one */

#endif
