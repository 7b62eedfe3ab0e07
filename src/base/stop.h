/* Requests to stop: the process', and those of single calls. */
#ifndef WN_BASE_STOP_H
#define WN_BASE_STOP_H

#include "winnow/core.h"

/* The process, or who holds `stop` (NULL: nobody), asks for an end. */
bool wn__stop_wanted(const wn_stop *stop);

#endif
