/* A figure as a gnuplot script: a grid of panels with legends below its rows. Sizes are pixels of the SVG file; the PDF file is the same
 * picture, scaled so that a single panel has the width of a paper's column. */
#ifndef WN_REPORT_FIGURE_SHEET_H
#define WN_REPORT_FIGURE_SHEET_H

#include "base/text.h"

enum { WN__SHEET_LEGENDS = 8 };

typedef struct wn__legend_entry {
    char *text;
    int style; /* WN__GREY_STYLE: a line without points */
} wn__legend_entry;

/* Below the panels column..column + span - 1 of a row. */
typedef struct wn__legend {
    int row, column, span, count;
    wn__legend_entry *entries; /* (count) */
    bool failed;               /* out of memory: later entries are ignored; wn__sheet_end tells */
} wn__legend;

typedef struct wn__sheet {
    wn__text script;
    int rows, columns;
    double plot_width, plot_height; /* of one panel's axes */
    double below;                   /* height of the tic labels and the label below the axes */
    wn__legend legends[WN__SHEET_LEGENDS];
    int legend_count;
    double more_left;     /* for tic labels that are wider than usual: wn__sheet_widen */
    double width, height; /* of the whole figure: set by wn__sheet_begin */
    int blocks;           /* data blocks written so far */
    wn__text left_out;    /* what the figure has no room for, in words; empty: nothing */
} wn__sheet;
void wn__sheet_release(wn__sheet *s); /* accepts a zeroed one */

/* Column of a paper in pixels and in inches. */
#define WN__COLUMN_PIXELS 460.0
#define WN__COLUMN_INCHES 3.39
#define WN__FONT_PIXELS 13.0

/* A new legend, to be filled before wn__sheet_begin. */
wn__legend *wn__sheet_legend(wn__sheet *s, int row, int column, int span);
void wn__legend_add(wn__legend *l, int style, const char *format, ...) WN_PRINTF(3, 4);
/* After the sizes and the legends are set: the script's begin. */
void wn__sheet_begin(wn__sheet *s);
/* The next plot command draws into this panel (and the legends that begin below it). `title` may be "". */
void wn__sheet_panel(wn__sheet *s, int row, int column, const char *title);
/* A data block follows line by line; its name is $dN with the returned N. */
int wn__sheet_data_begin(wn__sheet *s);
void wn__sheet_data_end(wn__sheet *s);
void wn__sheet_end(wn__sheet *s); /* script.failed: memory ran out */
/* A line of data: numbers with blanks between them; those that are not finite become NaN. */
void wn__sheet_numbers(wn__sheet *s, const double *values, int count);

/* An axis ('x' or 'y') of the next panels from low to high; over the logarithm low > 0, with tics at 1, 2 and 5 times the powers of ten. Wide labels of the
 * vertical axis make room for themselves: such an axis is set before the first panel, or wn__sheet_widen was told. */
void wn__sheet_linear(wn__sheet *s, char axis, double low, double high);
void wn__sheet_logarithmic(wn__sheet *s, char axis, double low, double high);
/* Labels left of the panels have up to so many characters. */
void wn__sheet_widen(wn__sheet *s, size_t characters);
/* Of the longest tic label of a linear axis. */
size_t wn__sheet_tic_characters(double low, double high);

/* A text as a gnuplot string in single quotes, and as one whose percent signs are doubled (labels of tics are formats). */
void wn__sheet_quote(wn__sheet *s, const char *text);
void wn__sheet_quote_tic(wn__sheet *s, const char *text);

/* Line styles 1.. of the series (wrapping round with other points and dashes), and WN__GREY_STYLE for what they are compared with. */
enum { WN__STYLES = 14, WN__GREY_STYLE = 20 };
int wn__sheet_style(int series);

/* The commands that draw `name`.gp as `name`.svg and `name`.pdf, added to the main script. `small_font` holds a font for crowded labels. */
void wn__sheet_output(const wn__sheet *s, const char *name, wn__text *main_script);

#endif
