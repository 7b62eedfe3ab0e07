/* What commands say of a network's file that they wrote. */
#ifndef WN_TOOL_WRITTEN_H
#define WN_TOOL_WRITTEN_H

#include "command.h"

/* Lines of a label and what it stands for, in columns. */
typedef struct wn__written {
    int width;         /* of the labels' column */
    const char *label; /* before the path, and its key in JSON: "written" */
    const char *path;
    bool dense; /* every weight is in it */
} wn__written;

/* Its size, its path and, of a compressed one unless --quiet, how to get it dense. */
void wn__print_written(const wn__call *call, const wn__written *w);
/* The same command for a file that was not named here. */
void wn__print_dense_command(const wn__call *call, int width, const char *label, const char *path);

#endif
