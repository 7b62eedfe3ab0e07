#include "report/report_table.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/locale.h"
#include "io/jsonl.h"
#include "report/column_help.h"

enum { NOTE_WIDTH = 100, LONG_CELL = 60 };

void wn__table_name(wn__table *t, const char *id, const char *title, ...)
{
    va_list arguments;
    va_start(arguments, title);
    wn__vsnprintf(t->title, sizeof t->title, title, arguments);
    va_end(arguments);
    t->id = id;
}

void wn__table_column_add(wn__table *t, bool number, const char *format, ...)
{
    assert(t->cell_count == 0);
    wn__text head = {0};
    va_list arguments;
    va_start(arguments, format);
    wn__text_add_list(&head, format, arguments);
    va_end(arguments);
    t->failed = t->failed || head.failed || wn__make_room(&t->columns, t->column_count, sizeof *t->columns) != WN_OK;
    if (t->failed)
        wn__text_release(&head);
    else
        t->columns[t->column_count++] = (wn__table_column){.head = head.data, .number = number};
}

void wn__table_columns_add(wn__table *t, const char *const *heads, size_t count)
{
    for (size_t i = 0; i < count; i++)
        wn__table_column_add(t, true, "%s", heads[i]);
}

static bool grow(wn__table *t)
{
    if (t->failed || t->cell_count < t->capacity) return !t->failed;
    const int capacity = 2 * t->capacity + 16 * t->column_count;
    char **cells = wn__realloc(t->cells, (size_t)capacity * sizeof *cells);
    if (cells) t->cells = cells;
    char **exact = wn__realloc(t->exact, (size_t)capacity * sizeof *exact);
    if (exact) t->exact = exact;
    bool *rules = wn__realloc(t->rules, (size_t)(capacity / t->column_count + 1) * sizeof *rules);
    if (rules) t->rules = rules;
    if (cells && exact && rules)
        t->capacity = capacity;
    else
        t->failed = true;
    return !t->failed;
}

void wn__table_cell(wn__table *t, const char *format, ...)
{
    if (!grow(t)) return;
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    const int length = wn__vsnprintf(NULL, 0, format, arguments);
    char *cell = length < 0 ? NULL : wn__alloc((size_t)length + 1);
    if (cell) {
        wn__vsnprintf(cell, (size_t)length + 1, format, again);
        t->exact[t->cell_count] = NULL;
        t->cells[t->cell_count++] = cell;
    } else {
        t->failed = true;
    }
    va_end(again);
    va_end(arguments);
}

void wn__table_number(wn__table *t, const char *format, double value)
{
    char text[32];
    wn__snprintf(text, sizeof text, format, value); /* NOLINT: formats are literals of the callers */
    wn__table_cell(t, "%s", isfinite(value) ? text : "-");
    wn__table_exact_number(t, value);
}

void wn__table_exact_text(wn__table *t, const char *text)
{
    if (t->failed) return;
    char **exact = &t->exact[t->cell_count - 1];
    wn__free(*exact);
    *exact = wn__strdup(text);
    t->failed = !*exact;
}

void wn__table_exact_number(wn__table *t, double value)
{
    char text[WN__REAL_TEXT];
    wn__table_exact_text(t, isfinite(value) ? wn__show_real(value, text) : "");
}

void wn__table_key(wn__table *t, const char *key)
{
    if (!t->failed) t->columns[t->column_count - 1].key = key;
}

void wn__table_rule(wn__table *t)
{
    assert(t->failed || t->cell_count % t->column_count == 0);
    if (t->cell_count > 0 && grow(t)) t->rules[wn__table_rows(t)] = true;
}

int wn__table_rows(const wn__table *t) { return t->column_count > 0 ? t->cell_count / t->column_count : 0; }

wn_status wn__table_status(const wn__table *t) { return t->failed || t->note.failed ? wn__no_memory(1024) : WN_OK; }

void wn__table_release(wn__table *t)
{
    for (int i = 0; i < t->cell_count; i++)
        wn__free(t->cells[i]), wn__free(t->exact[i]);
    for (int i = 0; i < t->column_count; i++)
        wn__free(t->columns[i].head);
    wn__free(t->cells);
    wn__free(t->exact);
    wn__free(t->rules);
    wn__free(t->columns);
    wn__text_release(&t->note);
    *t = (wn__table){0};
}

static const char *cell_at(const wn__table *t, int row, int column)
{
    return row < 0 ? t->columns[column].head : t->cells[row * t->column_count + column];
}

/* For programs. */
static const char *exact_at(const wn__table *t, int row, int column)
{
    const char *exact = row < 0 ? NULL : t->exact[row * t->column_count + column];
    return exact ? exact : cell_at(t, row, column);
}

/* Code points, which is what a terminal's columns are for the signs that tables use. */
static int width_of_part(const char *text, int length)
{
    int width = 0;
    for (int i = 0; i < length; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

static int width_of(const char *text) { return width_of_part(text, (int)strlen(text)); }

static void add_repeated(wn__text *out, const char *sign, int times)
{
    for (int i = 0; i < times; i++)
        wn__text_add(out, "%s", sign);
}

/* Control characters would command the terminal: a question mark stands for each of them. */
static void add_printable(wn__text *out, const char *text, int length)
{
    for (int i = 0; i < length; i++) {
        const unsigned char sign = (unsigned char)text[i], next = i + 1 < length ? (unsigned char)text[i + 1] : 0;
        const bool second = sign == 0xc2 && next >= 0x80 && next < 0xa0; /* U+0080 to U+009F */
        if (sign < ' ' || sign == 0x7f || second)
            wn__text_add(out, "?");
        else
            wn__text_add_bytes(out, text + i, 1);
        i += second;
    }
}

/* One line; row -1 is the head. No blanks at its end. */
static void add_text_row(const wn__table *t, int row, const int *widths, wn__text *out)
{
    int owed = 0; /* blanks that come only if more follows */
    for (int c = 0; c < t->column_count; c++) {
        const char *cell = cell_at(t, row, c);
        const int fill = widths[c] - width_of(cell);
        owed += (c > 0 ? 2 : 0) + (t->columns[c].number ? fill : 0);
        if (*cell) {
            add_repeated(out, " ", owed);
            add_printable(out, cell, (int)strlen(cell));
            owed = 0;
        }
        owed += t->columns[c].number ? 0 : fill;
    }
    wn__text_add(out, "\n");
}

/* Words in lines of at most NOTE_WIDTH columns. */
static void add_wrapped(wn__text *out, const char *text)
{
    int used = 0;
    while (*text) {
        const int length = (int)strcspn(text, " ");
        const int width = width_of_part(text, length);
        if (used > 0) wn__text_add(out, used + 1 + width > NOTE_WIDTH ? "\n" : " ");
        used = used == 0 || used + 1 + width > NOTE_WIDTH ? width : used + 1 + width;
        add_printable(out, text, length);
        text += length;
        text += strspn(text, " ");
    }
    wn__text_add(out, "\n");
}

/* Widest cell of each column, head included; the width of the whole table. */
static int find_widths(const wn__table *t, int *widths)
{
    int total = 0;
    for (int c = 0; c < t->column_count; c++) {
        for (int r = -1; r < wn__table_rows(t); r++) {
            const int width = width_of(cell_at(t, r, c));
            widths[c] = width > widths[c] ? width : widths[c];
        }
        total += widths[c] + (c > 0 ? 2 : 0);
    }
    return total;
}

void wn__table_text(const wn__table *t, wn__text *out)
{
    int *widths = WN_NEW_ARRAY(int, t->column_count);
    if (!widths) {
        out->failed = true;
        return;
    }
    const int total = find_widths(t, widths);
    wn__text_add(out, "%s\n", t->title);
    add_repeated(out, "-", total);
    wn__text_add(out, "\n");
    add_text_row(t, -1, widths, out);
    add_repeated(out, "-", total);
    wn__text_add(out, "\n");
    for (int r = 0; r < wn__table_rows(t); r++) {
        if (t->rules[r]) wn__text_add(out, "\n");
        add_text_row(t, r, widths, out);
    }
    add_repeated(out, "-", total);
    wn__text_add(out, "\n");
    if (t->note.size > 0) add_wrapped(out, t->note.data);
    wn__free(widths);
}

static void add_csv_field(wn__text *out, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        wn__text_add(out, "%s", text);
        return;
    }
    wn__text_add(out, "\"");
    for (; *text; text++)
        wn__text_add_bytes(out, *text == '"' ? "\"\"" : text, *text == '"' ? 2 : 1);
    wn__text_add(out, "\"");
}

void wn__table_csv(const wn__table *t, wn__text *out)
{
    for (int r = -1; r < wn__table_rows(t); r++)
        for (int c = 0; c < t->column_count; c++) {
            add_csv_field(out, exact_at(t, r, c));
            wn__text_add(out, c + 1 < t->column_count ? "," : "\r\n");
        }
}

void wn__table_json(const wn__table *t, wn__text *out)
{
    wn__text_add(out, "[");
    for (int r = 0; r < wn__table_rows(t); r++) {
        wn__text_add(out, r ? ",\n {" : "{");
        for (int c = 0; c < t->column_count; c++) {
            const char *cell = exact_at(t, r, c);
            wn__text_add(out, c ? ", " : "");
            wn__json_quoted(out, t->columns[c].key ? t->columns[c].key : t->columns[c].head);
            wn__text_add(out, ": ");
            if (!*cell)
                wn__text_add(out, "null");
            else if (t->columns[c].number)
                wn__text_add(out, "%s", cell);
            else
                wn__json_quoted(out, cell);
        }
        wn__text_add(out, "}");
    }
    wn__text_add(out, "]\n");
}

typedef struct replacement {
    const char *from, *to;
} replacement;

static void add_replaced(wn__text *out, const char *text, const replacement *list)
{
    while (*text) {
        const replacement *r = list;
        while (r->from && strncmp(text, r->from, strlen(r->from)) != 0)
            r++;
        if (r->from)
            wn__text_add(out, "%s", r->to);
        else
            wn__text_add_bytes(out, text, 1);
        text += r->from ? strlen(r->from) : 1;
    }
}

void wn__add_html(wn__text *out, const char *text)
{
    static const replacement list[] = {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}, {0}};
    add_replaced(out, text, list);
}

void wn__add_latex(wn__text *out, const char *text)
{
    static const replacement list[] = {{"\\", "\\textbackslash{}"},
                                       {"{", "\\{"},
                                       {"}", "\\}"},
                                       {"$", "\\$"},
                                       {"&", "\\&"},
                                       {"#", "\\#"},
                                       {"_", "\\_"},
                                       {"%", "\\%"},
                                       {"~", "\\textasciitilde{}"},
                                       {"^", "\\textasciicircum{}"},
                                       {"<", "$<$"},
                                       {">", "$>$"},
                                       {"±", "$\\pm$"},
                                       {"−", "$-$"},
                                       {"×", "$\\times$"},
                                       {"≥", "$\\geq$"},
                                       {"Δ", "$\\Delta$"},
                                       {"α", "$\\alpha$"},
                                       {"–", "--"},
                                       {"\n", " "},
                                       {"\r", " "},
                                       {0}};
    add_replaced(out, text, list);
}

void wn__table_latex(const wn__table *t, wn__text *out)
{
    wn__text_add(out, "%% needs \\usepackage{booktabs}\n\\begin{table}\n\\centering\n\\caption{");
    wn__add_latex(out, t->title);
    if (t->note.size > 0) {
        wn__text_add(out, ". ");
        wn__add_latex(out, t->note.data);
    }
    wn__text_add(out, "}\n\\label{tab:%s}\n\\begin{tabular}{", t->id);
    for (int c = 0; c < t->column_count; c++)
        wn__text_add(out, t->columns[c].number ? "r" : "l");
    wn__text_add(out, "}\n\\toprule\n");
    for (int r = -1; r < wn__table_rows(t); r++) {
        if (r >= 0 && t->rules[r]) wn__text_add(out, "\\addlinespace\n");
        for (int c = 0; c < t->column_count; c++) {
            wn__add_latex(out, cell_at(t, r, c));
            wn__text_add(out, c + 1 < t->column_count ? " & " : " \\\\\n");
        }
        if (r < 0) wn__text_add(out, "\\midrule\n");
    }
    wn__text_add(out, "\\bottomrule\n\\end{tabular}\n\\end{table}\n");
}

static void add_html_head(const wn__table *t, wn__text *out)
{
    wn__text_add(out, "<div class=\"scroll\"><table id=\"%s\"><thead><tr>", t->id);
    for (int c = 0; c < t->column_count; c++) {
        const char *help = wn__column_help(t->columns[c].head);
        wn__text_add(out, "<th scope=\"col\"%s", t->columns[c].number ? " class=\"n\"" : "");
        if (help) wn__text_add(out, " title=\"%s\"", help);
        wn__text_add(out, ">");
        wn__add_html(out, t->columns[c].head);
        wn__text_add(out, "</th>");
    }
    wn__text_add(out, "</tr></thead>\n<tbody>\n");
}

static const char *html_class(const wn__table *t, int row, int column)
{
    if (t->columns[column].number) return " class=\"n\"";
    return width_of(cell_at(t, row, column)) > LONG_CELL ? " class=\"long\"" : "";
}

/* Heads with their meaning, for readers who cannot hover; of several that begin alike the first. */
static void add_html_help(const wn__table *t, wn__text *out)
{
    const char *last = NULL;
    for (int c = 0; c < t->column_count; c++) {
        const char *head = t->columns[c].head, *help = wn__column_help(head);
        bool told = !help;
        for (int before = 0; before < c && !told; before++)
            told = wn__column_help(t->columns[before].head) == help;
        if (told) continue;
        wn__text_add(out, "%s<dt>", last ? "" : "<details><summary>What the columns mean</summary>\n<dl>\n");
        wn__add_html(out, head);
        wn__text_add(out, "</dt><dd>%s</dd>\n", help);
        last = help;
    }
    if (last) wn__text_add(out, "</dl></details>\n");
}

void wn__table_html(const wn__table *t, wn__text *out)
{
    wn__text_add(out, "<div class=\"of-table\">\n");
    add_html_head(t, out);
    for (int r = 0; r < wn__table_rows(t); r++) {
        wn__text_add(out, "<tr%s>", t->rules[r] ? " class=\"rule\"" : "");
        for (int c = 0; c < t->column_count; c++) {
            wn__text_add(out, "<td%s>", html_class(t, r, c));
            wn__add_html(out, cell_at(t, r, c));
            wn__text_add(out, "</td>");
        }
        wn__text_add(out, "</tr>\n");
    }
    wn__text_add(out, "</tbody></table></div>\n");
    if (t->note.size > 0) {
        wn__text_add(out, "<p class=\"note\">");
        wn__add_html(out, t->note.data);
        wn__text_add(out, "</p>\n");
    }
    add_html_help(t, out);
    wn__text_add(out, "</div>\n");
}
