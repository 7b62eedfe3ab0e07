#include "report/report_html.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/locale.h"
#include "report/claim_table.h"
#include "report/report_tables.h"
#include "report/study_tables.h"

static const char style[] =
    ":root{color-scheme:light dark;--ground:#ffffff;--card:#f6f7f9;--ink:#1b1f24;--soft:#5b6572;--line:#d9dee5;--mark:#0b63a8}\n"
    "@media(prefers-color-scheme:dark){:root{--ground:#14171b;--card:#1d2126;--ink:#e4e8ed;--soft:#9aa5b1;--line:#343b44;--mark:#6db3ee}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"
    "\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif}\n"
    "main{max-width:1180px;margin:0 auto;padding:28px 24px 64px}\n"
    "h1{font-size:26px;line-height:1.2;margin:0 0 4px}\n"
    "h2{font-size:19px;margin:44px 0 12px;padding-top:14px;border-top:1px solid var(--line)}\n"
    "p{margin:8px 0}.sub,.note,figcaption{color:var(--soft)}.note,figcaption{font-size:13px;max-width:80ch}\n"
    "nav{margin:14px 0 0;font-size:14px}nav a{margin-right:14px;white-space:nowrap}\n"
    "a{color:var(--mark);text-decoration:none}a:hover{text-decoration:underline}\n"
    ".warn{border-left:4px solid #d98200;background:var(--card);padding:8px 12px;margin:12px 0}\n"
    ".tiles{display:flex;flex-wrap:wrap;gap:12px;margin:20px 0 0}\n"
    ".tile{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 16px;min-width:150px}\n"
    ".tile b{display:block;font-size:20px;font-weight:600;font-variant-numeric:tabular-nums}.tile span{color:var(--soft);font-size:13px}\n"
    "figure{margin:12px 0 16px}figure svg{display:block;width:100%;height:auto}\n"
    ".scroll{overflow-x:auto;margin:12px 0}\n"
    "table{border-collapse:collapse;font-size:13.5px;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:4px 12px 4px 0;text-align:left;vertical-align:top;white-space:nowrap}th:last-child,td:last-child{padding-right:2px}\n"
    "th{font-weight:600;border-bottom:1px solid var(--ink)}.n{text-align:right}tbody tr:hover{background:var(--card)}\n"
    "tr.rule td{border-top:1px solid var(--line);padding-top:7px}\n"
    "table.wrap td:last-child{white-space:normal;overflow-wrap:anywhere}\n"
    "pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 14px;overflow-x:auto;"
    "font:13px/1.45 ui-monospace,\"DejaVu Sans Mono\",monospace}\n"
    "svg text{font-family:inherit}\n"
    "@media print{nav{display:none}main{max-width:none;padding:0}h2{break-after:avoid}figure,tr{break-inside:avoid}}\n";

/* Words in braces: wn__shown_words. */
typedef struct section {
    const char *id, *title;
    const char *figure;      /* NULL: none */
    wn__table_builder table; /* NULL: none */
} section;

static const section sections[] = {
    {"s-{key}", "{Metric} against sparsity", "{key}", wn__headline_table},
    {"s-claims", "Claims", NULL, wn__claim_table},
    {"s-differences", "Paired differences", "differences", wn__difference_table},
    {"s-study", "Measurements of the lab", NULL, wn__study_table},
    {"s-flow", "Flow of gradients", "flow", wn__study_flow_table},
    {"s-lines", "Between networks", "lines", NULL},
    {"s-disagreement", "Disagreement", NULL, wn__study_disagreement_table},
    {"s-together", "Two networks together", NULL, wn__study_together_table},
    {"s-ensembles", "Ensembles over seeds", NULL, wn__study_ensemble_table},
    {"s-distance", "Distances of weights", "map", wn__study_distance_table},
    {"s-matching", "Largest sparsity that still matches dense", NULL, wn__matching_table},
    {"s-curves", "Learning curves", "curves", NULL},
    {"s-masks", "Masks", "layers", wn__mask_table},
    {"s-labels", "Soft labels", NULL, wn__label_table},
    {"s-costs", "Costs", NULL, wn__cost_table},
    {"s-price", "{Metric} against the price of training", "price", wn__price_table},
    {"s-methods", "Methods", NULL, wn__method_table},
    {"s-facts", "Data, model and environment", NULL, wn__fact_table},
};
enum { SECTIONS = sizeof sections / sizeof sections[0] };

/* ---- figures */

typedef struct replacement {
    const char *from, *to; /* `to` NULL: the figure's name goes in behind `from` */
} replacement;

static const replacement svg_changes[] = {{"color=\"black\"", "color=\"inherit\""},
                                          {"fill=\"black\"", "fill=\"currentColor\""},
                                          {"stroke=\"black\"", "stroke=\"currentColor\""},
                                          {"stroke='black'", "stroke='currentColor'"},
                                          {"fill = 'black'", "fill='currentColor'"},
                                          {"id='", NULL},
                                          {"xlink:href='#", NULL},
                                          {"id=\"gnuplot", NULL},
                                          {0}};

wn_status wn__svg_inline(const char *svg, const char *name, wn__text *out)
{
    const char *at = strstr(svg, "<svg");
    if (!at) return wn__fail(WN_EFORMAT, "figure %s is no SVG", name);
    while (*at) {
        const char *title_end = strncmp(at, "<title>", 7) == 0 ? strstr(at, "</title>") : NULL;
        const replacement *change = svg_changes;
        if (title_end) {
            at = title_end + strlen("</title>");
            continue;
        }
        while (change->from && strncmp(at, change->from, strlen(change->from)) != 0)
            change++;
        if (!change->from) {
            wn__text_add_bytes(out, at++, 1);
            continue;
        }
        if (change->to)
            wn__text_add(out, "%s", change->to);
        else
            wn__text_add(out, "%s%s-", strcmp(change->from, "id=\"gnuplot") == 0 ? "id=\"gnuplot-" : change->from, name);
        at += strlen(change->from);
    }
    return WN_OK;
}

static const wn__figure *find_figure(const wn__figures *figures, const char *name)
{
    for (int i = 0; name && i < figures->count; i++)
        if (strcmp(figures->figure[i].name, name) == 0) return &figures->figure[i];
    return NULL;
}

/* The last part of a path. */
static wn_status add_figure(const wn__figure *figure, const char *folder, wn__text *out)
{
    const char *beside = wn__base_name(folder);
    char file[64], *svg;
    size_t size;
    snprintf(file, sizeof file, "%s.svg", figure->name);
    char *path = wn__path_join(folder, file);
    if (!path) return wn__no_memory(strlen(folder));
    wn_status status = wn__file_read(path, &svg, &size);
    wn__free(path);
    if (status != WN_OK) return status;
    wn__text_add(out, "<figure>\n<div style=\"max-width:%.0fpx\" role=\"img\" aria-label=\"%s\">\n", 1.35 * figure->width, figure->title);
    status = wn__svg_inline(svg, figure->name, out);
    wn__free(svg);
    wn__text_add(out, "</div>\n<figcaption>");
    wn__add_html(out, figure->caption);
    if (figure->left_out[0]) wn__text_add(out, " ");
    wn__add_html(out, figure->left_out);
    wn__text_add(out, " <a href=\"%s/%s.svg\">SVG</a> <a href=\"%s/%s.pdf\">PDF</a></figcaption>\n</figure>\n", beside, figure->name,
                 beside, figure->name);
    return status;
}

/* ---- parts of the page */

static void add_tile(wn__text *out, const char *value, const char *label)
{
    wn__text_add(out, "<div class=\"tile\"><b>");
    wn__add_html(out, value);
    wn__text_add(out, "</b><span>");
    wn__add_html(out, label);
    wn__text_add(out, "</span></div>\n");
}

static void add_tiles(const wn__results *r, wn__text *out)
{
    char value[96], label[224];
    const wn__cell *dense = wn__results_baseline(r, "dense", 0);
    wn__text_add(out, "<div class=\"tiles\">\n");
    if (dense) {
        const wn__shown *shown = &r->shown;
        const wn__summary s = wn__cell_summary(dense, offsetof(wn__result_row, test), shown->scale);
        const char *unit = shown->metric->percent ? " %" : "";
        if (wn__has_spread(s))
            wn__snprintf(value, sizeof value, "%.*f ± %.*f%s", shown->decimals, s.mean, shown->decimals, s.half_width, unit);
        else
            wn__snprintf(value, sizeof value, "%.*f%s", shown->decimals, s.mean, unit);
        add_tile(out, value, wn__shown_words(shown, "dense, test {metric}", label, sizeof label));
    }
    const char *method;
    double sparsity;
    bool by_interval;
    if (wn__best_matching(r, &method, &sparsity, &by_interval)) {
        wn__show_sparsity(sparsity, value, sizeof value);
        snprintf(label, sizeof label, "largest sparsity that matches dense%s: %s", by_interval ? "" : ", by mean alone", method);
        add_tile(out, value, label);
    }
    snprintf(value, sizeof value, "%d", r->row_count);
    snprintf(label, sizeof label, "finished runs%s", r->unfinished > 0 ? ", more to come" : "");
    add_tile(out, value, label);
    snprintf(value, sizeof value, "%d", wn__results_seeds(r));
    add_tile(out, value, wn__results_seeds(r) == 1 ? "seed: no spread" : "seeds");
    wn__text_add(out, "</div>\n");
}

static void add_head(const wn__results *r, const wn__figures *figures, const char *note, wn__text *out)
{
    const char *set = wn__json_text(json_object_get(r->root, "data"), "set"),
               *arch = wn__json_text(json_object_get(r->root, "model"), "arch");
    wn__text_add(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>");
    wn__add_html(out, r->name);
    wn__text_add(out, " – Winnow report</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n<h1>", style);
    wn__add_html(out, r->name);
    wn__text_add(out, "</h1>\n<p class=\"sub\">");
    wn__add_html(out, arch ? arch : "");
    wn__text_add(out, " on ");
    wn__add_html(out, set ? set : "");
    wn__text_add(out, " · Winnow %s</p>\n", WN_VERSION);
    if (r->unfinished > 0)
        wn__text_add(out, "<p class=\"warn\">Not finished: %d of %d runs are missing.</p>\n", r->unfinished, r->unfinished + r->row_count);
    if (r->short_budget) wn__text_add(out, "<p class=\"warn\">Short budget: these runs are too short for general conclusions.</p>\n");
    if (figures->count == 0 && *note) {
        wn__text_add(out, "<p class=\"warn\">");
        wn__add_html(out, note);
        wn__text_add(out, "</p>\n");
    }
    add_tiles(r, out);
}

/* The recipe as it was given, from the experiment's folder; nothing if it is not there. */
static wn_status add_recipe(const wn__results *r, wn__text *out)
{
    const char *name = wn__json_text(r->root, "recipe");
    char *path = name ? wn__path_join(r->folder, name) : NULL, *text;
    size_t size;
    const bool there = path && wn__file_exists(path);
    const wn_status status = there ? wn__file_read(path, &text, &size) : WN_OK;
    wn__free(path);
    if (!there || status != WN_OK) return status;
    wn__text_add(out, "<section id=\"s-recipe\">\n<h2>Recipe</h2>\n<pre>");
    wn__add_html(out, text);
    wn__text_add(out, "</pre>\n</section>\n");
    wn__free(text);
    return WN_OK;
}

static wn_status add_section(const wn__results *r, const section *s, const wn__figures *figures, const char *figure_folder, wn__text *nav,
                             wn__text *out)
{
    wn__table table = {0};
    char id[96], title[96], name[64];
    const wn__figure *figure = find_figure(figures, s->figure ? wn__shown_words(&r->shown, s->figure, name, sizeof name) : NULL);
    wn_status status = s->table ? s->table(r, &table) : WN_OK;
    const bool has_table = wn__table_rows(&table) > 0;
    if (status == WN_OK && (figure || has_table)) {
        wn__shown_words(&r->shown, s->id, id, sizeof id);
        wn__shown_words(&r->shown, s->title, title, sizeof title);
        wn__text_add(nav, "<a href=\"#%s\">%s</a>\n", id, title);
        wn__text_add(out, "<section id=\"%s\">\n<h2>%s</h2>\n", id, title);
        if (figure) status = add_figure(figure, figure_folder, out);
        if (has_table) wn__table_html(&table, out);
        wn__text_add(out, "</section>\n");
    }
    wn__table_release(&table);
    return status;
}

wn_status wn__report_page(const wn__results *r, const wn__figures *figures, const char *figure_folder, const char *note, wn__text *out)
{
    wn__text nav = {0}, body = {0};
    wn_status status = WN_OK;
    for (int i = 0; i < SECTIONS && status == WN_OK; i++)
        status = add_section(r, &sections[i], figures, figure_folder, &nav, &body);
    if (status == WN_OK) status = add_recipe(r, &body);
    if (status == WN_OK) {
        add_head(r, figures, note, out);
        wn__text_add(out, "<nav>\n%s</nav>\n%s</main>\n</body>\n</html>\n", nav.data ? nav.data : "", body.data ? body.data : "");
        if (nav.failed || body.failed || out->failed) status = wn__no_memory(body.size);
    }
    wn__text_release(&nav);
    wn__text_release(&body);
    return status;
}
