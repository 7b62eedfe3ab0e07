/* Winnow: reports of experiments, from the results.json of an experiment's folder (see docs/results-format.md).
 *
 *     char *text;
 *     wn_report_files files;
 *     if (wn_report_text("winnow-runs/demo", WN_REPORT_TEXT, &text) == WN_OK) puts(text);
 *     if (wn_report_write("winnow-runs/demo", &files) == WN_OK) puts(files.page);
 *     wn_text_free(text);
 */
#ifndef WINNOW_REPORT_H
#define WINNOW_REPORT_H

#include "winnow/core.h"
#include "winnow/experiment.h" /* wn_text_free */

#ifdef __cplusplus
extern "C" {
#endif

typedef enum wn_report_format {
    WN_REPORT_TEXT,    /* all tables, aligned */
    WN_REPORT_SUMMARY, /* the first of them: accuracy and its price */
    WN_REPORT_CSV,     /* one line per method and sparsity, plain numbers (RFC 4180) */
    WN_REPORT_LATEX,   /* all tables but the facts, for the package booktabs */
} wn_report_format;
/* The tables of the experiment in `folder`. Free *text with wn_text_free. WN_ENOTFOUND: no results there. */
WN_API WN_NODISCARD wn_status wn_report_text(const char *folder, wn_report_format format, char **text);

typedef struct wn_report_files {
    char page[1024]; /* report.html: one file that needs nothing else */
    int figures;     /* drawn: each as figures/NAME.svg and figures/NAME.pdf */
    char note[512];  /* "Report without figures: ..."; "" if there are some */
} wn_report_files;
/* Write report.html and the figures into `folder`. Without a gnuplot that can draw them the page comes without figures and says so. Equal results give equal
 * files. `files` may be NULL. */
WN_API WN_NODISCARD wn_status wn_report_write(const char *folder, wn_report_files *files);

/* Put the finished rows of `count` experiments' folders into one results.json, with their learning curves, in the folder `out` (made if absent; none of
 * `folders`, nor one that a run fills): runs of one recipe with other seeds, methods or sparsities. WN_EMISMATCH: their resolved recipes differ in a key that
 * may change a result, a row of both is another one, or the same row, sparsity and seed has two results; the message names the key and both values.
 * WN_ENOTFOUND: no results.json, or no resolved.yaml. Then nothing is written. */
WN_API WN_NODISCARD wn_status wn_report_merge(const char *const *folders, int count, const char *out);

#ifdef __cplusplus
}
#endif
#endif
