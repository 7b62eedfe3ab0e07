/* Aligned columns of text on standard output. */
#ifndef WN_TOOL_COLUMNS_H
#define WN_TOOL_COLUMNS_H

#include "winnow/core.h"

typedef struct wn__columns {
    const char *const *titles; /* (columns); one that begins with '>' is aligned to the right */
    int columns;
    char **cells; /* (count), row by row, beginning with the titles; NULL for one that did not fit into memory */
    int count, capacity;
} wn__columns;

#define WN_COLUMNS(...)                                                                                                        \
    {                                                                                                                          \
        .titles = (const char *const[]){__VA_ARGS__}, .columns = (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)) \
    }

void wn__columns_add(wn__columns *table, const char *format, ...) WN_PRINTF(2, 3);
/* Prints the rows under their titles and empties the table. */
void wn__columns_print(wn__columns *table);

/* "sparsity 90.00 %, density 0.1, compression 10x" of `nonzero` in `count`; into the caller's buffer, which is returned. */
char *wn__sparsity_three_ways(int64_t nonzero, int64_t count, char *text, size_t size);

#endif
