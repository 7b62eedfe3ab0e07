#include "report/figure_sheet.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/alloc.h"
#include "base/locale.h"

enum {
    LEFT = 60,
    RIGHT = 14,
    ABOVE = 28,
    LEGEND_LINE = 18,
    LEGEND_GAP = 8,
    LEGEND_SAMPLE = 26,
    MANY_DECADES = 10000,
    TIC_CHARACTERS = 2,
    MOST_CHARACTERS = 9
};

/* Okabe and Ito's palette for colour-blind readers, without black and yellow (unreadable on dark and on light ground), plus a brown. */
static const char *const colours[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6239"};
static const int filled_points[] = {7, 5, 9, 13, 11, 15, 7}, hollow_points[] = {6, 4, 8, 12, 10, 14, 6};
enum { COLOURS = sizeof colours / sizeof colours[0] };

int wn__sheet_style(int series) { return 1 + series % WN__STYLES; }

wn__legend *wn__sheet_legend(wn__sheet *s, int row, int column, int span)
{
    assert(s->legend_count < WN__SHEET_LEGENDS);
    wn__legend *l = &s->legends[s->legend_count++];
    *l = (wn__legend){.row = row, .column = column, .span = span};
    return l;
}

void wn__legend_add(wn__legend *l, int style, const char *format, ...)
{
    wn__text text = {0};
    va_list arguments;
    va_start(arguments, format);
    wn__text_add_list(&text, format, arguments);
    va_end(arguments);
    l->failed = l->failed || text.failed || wn__make_room(&l->entries, l->count, sizeof *l->entries) != WN_OK;
    if (l->failed)
        wn__text_release(&text);
    else
        l->entries[l->count++] = (wn__legend_entry){text.data, style};
}

void wn__sheet_release(wn__sheet *s)
{
    for (int i = 0; i < s->legend_count; i++) {
        for (int k = 0; k < s->legends[i].count; k++)
            wn__free(s->legends[i].entries[k].text);
        wn__free(s->legends[i].entries);
    }
    wn__text_release(&s->script);
    wn__text_release(&s->left_out);
    *s = (wn__sheet){0};
}

static double left_of(const wn__sheet *s) { return LEFT + s->more_left; }
static double panel_width(const wn__sheet *s) { return left_of(s) + s->plot_width + RIGHT; }

/* Pixels from the start of one entry to the next: line, text (by a generous mean width of a letter) and a gap. */
static double entry_width(const wn__legend *l)
{
    size_t longest = 0;
    for (int i = 0; i < l->count; i++)
        longest = strlen(l->entries[i].text) > longest ? strlen(l->entries[i].text) : longest;
    return LEGEND_SAMPLE + 8 + 0.60 * WN__FONT_PIXELS * (double)longest + 12;
}

static int entries_per_line(const wn__sheet *s, const wn__legend *l)
{
    const int fit = (int)((l->span * panel_width(s) - left_of(s) - RIGHT) / entry_width(l));
    return fit < 1 ? 1 : fit > l->count ? l->count : fit;
}

static int legend_lines(const wn__sheet *s, const wn__legend *l)
{
    return l->count > 0 ? (l->count + entries_per_line(s, l) - 1) / entries_per_line(s, l) : 0;
}

static double row_height(const wn__sheet *s, int row)
{
    int lines = 0;
    for (int i = 0; i < s->legend_count; i++)
        if (s->legends[i].row == row && legend_lines(s, &s->legends[i]) > lines) lines = legend_lines(s, &s->legends[i]);
    return ABOVE + s->plot_height + s->below + (lines > 0 ? lines * LEGEND_LINE + LEGEND_GAP : 0);
}

/* Distance of the row's upper edge from the top of the figure. */
static double row_top(const wn__sheet *s, int row)
{
    double top = 0;
    for (int r = 0; r < row; r++)
        top += row_height(s, r);
    return top;
}

/* gnuplot's own key places its columns as it likes; lines and labels stand where they are put. */
static void add_legend(wn__sheet *s, const wn__legend *l)
{
    const int per_line = entries_per_line(s, l);
    const double top = row_top(s, l->row) + ABOVE + s->plot_height + s->below, left = l->column * panel_width(s) + left_of(s);
    for (int i = 0; i < l->count; i++) {
        const int line = i / per_line;
        const double x = left + (i % per_line) * entry_width(l), y = 1 - (top + (line + 0.5) * LEGEND_LINE) / s->height;
        const double end = (x + LEGEND_SAMPLE) / s->width;
        const int style = l->entries[i].style;
        wn__text_add(&s->script, "set arrow from screen %.5f,%.5f to screen %.5f,%.5f nohead ls %d\n", x / s->width, y, end, y, style);
        if (style != WN__GREY_STYLE)
            wn__text_add(&s->script, "set label '' at screen %.5f,%.5f point ls %d\n", (x + LEGEND_SAMPLE / 2.0) / s->width, y, style);
        wn__text_add(&s->script, "set label ");
        wn__sheet_quote(s, l->entries[i].text);
        wn__text_add(&s->script, " at screen %.5f,%.5f left\n", (x + LEGEND_SAMPLE + 6) / s->width, y);
    }
}

static void add_styles(wn__text *t)
{
    for (int i = 0; i < WN__STYLES; i++) {
        const int c = i % COLOURS;
        const bool again = i >= COLOURS;
        wn__text_add(t, "set style line %d lc rgb '%s' lw 1.7 pt %d ps 0.5%s\n", i + 1, colours[c],
                     again ? hollow_points[c] : filled_points[c], again ? " dt (6,3)" : "");
    }
    wn__text_add(t, "set style line %d lc rgb '#808080' lw 1.5 dt (6,3)\n", WN__GREY_STYLE);
}

static void measure(wn__sheet *s)
{
    s->width = s->columns * panel_width(s);
    s->height = row_top(s, s->rows);
}

void wn__sheet_widen(wn__sheet *s, size_t characters)
{
    const double more = characters > TIC_CHARACTERS ? 0.64 * WN__FONT_PIXELS * (double)(characters - TIC_CHARACTERS) : 0;
    if (more > s->more_left) s->more_left = more;
    measure(s);
}

void wn__sheet_begin(wn__sheet *s)
{
    measure(s);
    wn__text_add(&s->script, "reset\nset border 3 lw 0.8\nset tics nomirror out scale 0.5\nset xtics offset 0,0.25\n");
    wn__text_add(&s->script, "set grid ytics lc rgb '#a0a0a0' lw 0.4 dt (2,4)\nset bars 0.5\nunset key\nset title offset 0,-0.6\n");
    wn__text_add(&s->script, "set style fill transparent solid 0.18 noborder\nset xlabel offset 0,0.8\nset ylabel offset 1,0\n");
    add_styles(&s->script);
    wn__text_add(&s->script, "set multiplot\n");
}

void wn__sheet_panel(wn__sheet *s, int row, int column, const char *title)
{
    const double left = column * panel_width(s) + left_of(s), top = row_top(s, row) + ABOVE;
    wn__text_add(&s->script, "set lmargin at screen %.5f\nset rmargin at screen %.5f\n", left / s->width,
                 (left + s->plot_width) / s->width);
    wn__text_add(&s->script, "set tmargin at screen %.5f\nset bmargin at screen %.5f\n", 1 - top / s->height,
                 1 - (top + s->plot_height) / s->height);
    wn__text_add(&s->script, "unset label\nunset arrow\nset title ");
    wn__sheet_quote(s, title);
    wn__text_add(&s->script, "\n");
    for (int i = 0; i < s->legend_count; i++)
        if (s->legends[i].row == row && s->legends[i].column == column) add_legend(s, &s->legends[i]);
}

int wn__sheet_data_begin(wn__sheet *s)
{
    wn__text_add(&s->script, "$d%d << EOD\n", s->blocks);
    return s->blocks++;
}

void wn__sheet_data_end(wn__sheet *s) { wn__text_add(&s->script, "EOD\n"); }

void wn__sheet_end(wn__sheet *s)
{
    wn__text_add(&s->script, "unset multiplot\n");
    for (int i = 0; i < s->legend_count; i++)
        s->script.failed |= s->legends[i].failed;
}

size_t wn__sheet_tic_characters(double low, double high)
{
    const double range = fmax(high - low, 1e-30), power = pow(10, floor(log10(range))), largest = fmax(fabs(low), fabs(high));
    const double step = power * (range < 2 * power ? 0.2 : range < 5 * power ? 0.5 : 1); /* gnuplot's own */
    const int whole = largest >= 1 ? 1 + (int)log10(largest) : 1, decimals = step < 1 ? (int)-floor(log10(step) + 1e-9) : 0;
    const int characters = (low < 0) + whole + (decimals > 0 ? 1 + decimals : 0);
    return characters > MOST_CHARACTERS ? MOST_CHARACTERS : (size_t)characters;
}

void wn__sheet_linear(wn__sheet *s, char axis, double low, double high)
{
    if (axis == 'y') wn__sheet_widen(s, wn__sheet_tic_characters(low, high));
    wn__text_add(&s->script, "set %crange [%.6g:%.6g]\n", axis, low, high);
}

void wn__sheet_logarithmic(wn__sheet *s, char axis, double low, double high)
{
    static const int steps[] = {1, 2, 5};
    const char *between = "";
    char tic[32];
    wn__text_add(&s->script, "set logscale %c\nset %crange [%.6g:%.6g]\nset %ctics (", axis, axis, low, high, axis);
    for (int power = (int)floor(log10(low)); power <= log10(high); power++)
        for (int i = 0; i < 3; i++) {
            const double at = steps[i] * pow(10, power);
            if (at < low || at > high || (i > 0 && high > MANY_DECADES * low)) continue;
            wn__text_add(&s->script, "%s%g", between, at);
            if (axis == 'y') wn__sheet_widen(s, (size_t)wn__snprintf(tic, sizeof tic, "%g", at));
            between = ", ";
        }
    wn__text_add(&s->script, ")\n");
}

static void quote(wn__sheet *s, const char *text, char doubled)
{
    wn__text_add(&s->script, "'");
    if (*text == '\'') wn__text_add(&s->script, "’"), text++; /* gnuplot would see the string's end */
    for (; *text; text++) {
        const char sign = (unsigned char)*text < ' ' ? ' ' : *text; /* no line may end inside a string */
        if (sign == '\'' || sign == doubled) wn__text_add_bytes(&s->script, &sign, 1);
        wn__text_add_bytes(&s->script, &sign, 1);
    }
    wn__text_add(&s->script, "'");
}

void wn__sheet_quote(wn__sheet *s, const char *text) { quote(s, text, '\''); }
void wn__sheet_quote_tic(wn__sheet *s, const char *text) { quote(s, text, '%'); }

void wn__sheet_output(const wn__sheet *s, const char *name, wn__text *main_script)
{
    const double scale = WN__COLUMN_INCHES / WN__COLUMN_PIXELS, points = WN__FONT_PIXELS * scale * 72;
    wn__text_add(main_script, "set terminal svg noenhanced size %.0f,%.0f dynamic font 'sans,%g' name '%s'\n", s->width, s->height,
                 WN__FONT_PIXELS, name);
    wn__text_add(main_script, "small_font = ',%g'\nset output '%s.svg'\nload '%s.gp'\nunset output\n", 0.8 * WN__FONT_PIXELS, name, name);
    wn__text_add(main_script, "set terminal pdfcairo noenhanced size %.4fin,%.4fin font 'sans,%.3f' linewidth 0.55\n", s->width * scale,
                 s->height * scale, points);
    wn__text_add(main_script, "small_font = ',%.3f'\nset output '%s.pdf'\nload '%s.gp'\nunset output\n", 0.8 * points, name, name);
}

void wn__sheet_numbers(wn__sheet *s, const double *values, int count)
{
    for (int i = 0; i < count; i++)
        if (isfinite(values[i]))
            wn__text_add(&s->script, "%s%.9g", i ? " " : "", values[i]);
        else
            wn__text_add(&s->script, "%sNaN", i ? " " : "");
    wn__text_add(&s->script, "\n");
}
