/* Winnow: reports of experiments, from the results.json of an experiment's folder (see docs/results-format.md).
 *
 *     char *text;
 *     wn_report_files files;
 *     if (wn_report_text("winnow-runs/demo", WN_REPORT_TEXT, NULL, &text) == WN_OK) puts(text);
 *     if (wn_report_write("winnow-runs/demo", NULL, &files) == WN_OK) puts(files.page);
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
    WN_REPORT_SUMMARY, /* the first of them, the headline metric and its price, and the claims */
    WN_REPORT_CSV,     /* one line per method and sparsity, plain numbers (RFC 4180) */
    WN_REPORT_LATEX,   /* all tables but the facts, for the package booktabs */
    WN_REPORT_JSON,    /* an array, an object per method and sparsity with the names and numbers of the CSV, and arrays of
                      * single classes where there are such; null for what is missing */
    WN_REPORT_CLAIMS,  /* an array, an object per claim of the recipe and sparsity: difference, half-width of its interval, verdict */
} wn_report_format;
/* Zeros are the defaults. */
typedef struct wn_report_options {
    size_t size;        /* sizeof(wn_report_options) */
    const char *metric; /* shown instead of the headline, by name: "loss"; claims stay what the recipe made them */
} wn_report_options;

/* The tables of the experiment in `folder`; options NULL: the defaults. Free *text with wn_text_free. WN_ENOTFOUND: no results there; WN_EUSAGE: there is
 * no such metric, or no run has it, and which there are. */
WN_API WN_NODISCARD wn_status wn_report_text(const char *folder, wn_report_format format, const wn_report_options *options, char **text);

typedef struct wn_report_files {
    char page[1024]; /* report.html: one file that needs nothing else; report-KEY.html of another metric than the headline */
    int figures;     /* drawn: each as figures/NAME.svg and figures/NAME.pdf, or in figures-KEY */
    char note[512];  /* "Report without figures: ..."; "" if there are some */
} wn_report_files;
/* Write report.html and the figures into `folder`. Without a gnuplot that can draw them the page comes without figures and says so. Equal results give equal
 * files. `files` may be NULL. */
WN_API WN_NODISCARD wn_status wn_report_write(const char *folder, const wn_report_options *options, wn_report_files *files);

/* Put the finished rows of `count` experiments' folders into one results.json, with their learning curves, in the folder `out` (made if absent; none of
 * `folders`, nor one that a run fills): runs of one recipe with other seeds, methods or sparsities. WN_EMISMATCH: they have other headlines, their resolved recipes differ in a key that
 * may change a result, a row of both is another one, or the same row, sparsity and seed has two results; the message names the key and both values.
 * WN_ENOTFOUND: no results.json, or no resolved.yaml. Then nothing is written. */
WN_API WN_NODISCARD wn_status wn_report_merge(const char *const *folders, int count, const char *out);

#ifdef __cplusplus
}
#endif
#endif
