/* Measured seconds of the rows of an experiment (docs/protocol.md, "Cost"): some steps of each training stage of one seed are run once more, stages in turns so
 * that whatever else the machine does falls on all of them alike, and the median step is multiplied by the number of steps. Steps that change the
 * topology, and those that follow one, are counted by themselves. */
#ifndef WN_RUN_TIMING_H
#define WN_RUN_TIMING_H

#include "run/experiment.h"
#include "winnow/experiment.h"

/* In the experiment's folder: format, version, environment, rounds, teacher_ms (a batch), stages and rows (docs/results-format.md). */
#define WN__SECONDS_FILE "seconds.json"
#define WN__SECONDS_FORMAT "winnow-seconds"
enum { WN__SECONDS_VERSION = 1 };

#endif
