/* What goes to standard error: messages, log lines, and the progress of long work: a live bar on a terminal, plain lines otherwise. */
#ifndef WN_TOOL_CONSOLE_H
#define WN_TOOL_CONSOLE_H

#include <pthread.h>
#include <stdio.h>

#include "winnow/experiment.h"

enum { WN__MOST_LINES = 16 };

typedef struct wn__console {
    bool quiet, verbose;
    bool live;                      /* standard error is a terminal that can redraw a line */
    bool color;                     /* ... and colour is wanted: NO_COLOR is not set */
    bool bar_shown;                 /* the cursor stands at the beginning of bars */
    bool due;                       /* the jobs that are told now are shown */
    double last;                    /* seconds of the monotonic clock: when a bar or any line was last printed */
    char line[WN__MOST_LINES][512]; /* of jobs that run side by side */
    struct {
        char stage[160];
        double value; /* smoothed wn_progress.per_second */
    } speed[WN__MOST_LINES];
    char told[8192]; /* the last failure that the library logged, so that it is not told twice */
    pthread_mutex_t lock;
} wn__console;

/* Of the monotonic clock. */
double wn__seconds_now(void);

void wn__console_init(wn__console *console, bool quiet, bool verbose);
/* Removes a bar and forgets the library's log sink. */
void wn__console_release(wn__console *console);

/* "winnow: ..." whatever --quiet says. */
void wn__console_error(wn__console *console, const char *format, ...) WN_PRINTF(2, 3);
/* A line unless --quiet. */
void wn__console_note(wn__console *console, const char *format, ...) WN_PRINTF(2, 3);

/* A wn_progress_call; user is the console. */
void wn__console_progress(void *user, const wn_progress *progress);
/* A wn_data_progress; user is the console. */
void wn__console_download(void *user, const char *url, int64_t done, int64_t total);
/* Takes a bar away, before something is printed to standard output. */
void wn__console_clear(wn__console *console);

#endif
