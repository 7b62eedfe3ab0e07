#include "columns.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void wn__columns_add(wn__columns *table, const char *format, ...)
{
    if (table->count == table->capacity) {
        const int capacity = table->capacity ? 2 * table->capacity : 64;
        char **cells = realloc(table->cells, (size_t)capacity * sizeof *cells);
        if (!cells) return;
        table->cells = cells;
        table->capacity = capacity;
    }
    va_list arguments;
    va_start(arguments, format);
    char *cell;
    table->cells[table->count++] = vasprintf(&cell, format, arguments) < 0 ? NULL : cell;
    va_end(arguments);
}

/* Columns on a terminal, as far as UTF-8 with one column per character goes. */
static int width_of(const char *text)
{
    int width = 0;
    for (; *text; text++)
        width += (*text & 0xC0) != 0x80;
    return width;
}

/* Spaces are printed when text follows: no line ends with them. `*spaces` are those that wait. */
static void print_cell(const char *text, int width, bool right, int *spaces)
{
    const int spare = width - width_of(text), fill = spare > 0 ? spare : 0;
    if (text[0]) {
        printf("%*s%s", *spaces + (right ? fill : 0), "", text);
        *spaces = right ? 0 : fill;
    } else {
        *spaces += fill;
    }
    *spaces += 2;
}

void wn__columns_print(wn__columns *table)
{
    const int rows = table->count / table->columns;
    for (int row = -1; row < rows; row++) {
        int spaces = 0;
        for (int column = 0; column < table->columns; column++) {
            const bool right = table->titles[column][0] == '>';
            const char *title = table->titles[column] + right;
            int width = width_of(title);
            for (int i = 0; i < rows; i++) {
                const char *cell = table->cells[i * table->columns + column];
                if (cell && width_of(cell) > width) width = width_of(cell);
            }
            const char *text = row < 0 ? title : table->cells[row * table->columns + column];
            print_cell(text ? text : "", width, right, &spaces);
        }
        putchar('\n');
    }
    for (int i = 0; i < table->count; i++)
        free(table->cells[i]);
    free(table->cells);
    table->cells = NULL;
    table->count = table->capacity = 0;
}

char *wn__sparsity_three_ways(int64_t nonzero, int64_t count, char *text, size_t size)
{
    const double density = count > 0 ? (double)nonzero / (double)count : 1;
    if (nonzero > 0)
        snprintf(text, size, "sparsity %.2f %%, density %.4g, compression %.4gx", 100 * (1 - density), density, 1 / density);
    else
        snprintf(text, size, "sparsity %.2f %%, density %.4g", 100 * (1 - density), density);
    return text;
}
