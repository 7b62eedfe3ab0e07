/* Log lines and progress: see wn_log_set_sink in winnow/core.h. */
#ifndef WN_BASE_LOG_H
#define WN_BASE_LOG_H

#include "winnow/core.h"

void wn__log(wn_log_level level, const char *format, ...) WN_PRINTF(2, 3);

/* Seconds of a monotonic clock. */
double wn__seconds(void);

#endif
