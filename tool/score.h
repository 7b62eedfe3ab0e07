/* Metrics as commands print them. */
#ifndef WN_TOOL_SCORE_H
#define WN_TOOL_SCORE_H

#include <math.h>
#include <stdio.h>

#include "winnow/experiment.h"

/* Shares and what is not small with four decimals, small numbers with four digits. Returns buffer. */
static inline char *wn__show_score(const wn_score *s, char *buffer, size_t size)
{
    const bool small = !s->percent && s->value != 0 && fabs(s->value) < 0.1;
    snprintf(buffer, size, small ? "%.4g" : "%.4f", s->value);
    return buffer;
}

#endif
