#include "report/report_html.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/locale.h"
#include "io/digest.h"
#include "report/claim_table.h"
#include "report/class_table.h"
#include "report/page_data.h"
#include "report/page_texts.h" /* made of src/report/page/ */
#include "report/report_tables.h"
#include "report/study_tables.h"

static const bool have_charts = sizeof page_chart > 1; /* the build has Chart.js */

/* What the page's script draws in the place of a figure. */
typedef enum chart { STILL, CHART_VALUES, CHART_DIFFERENCES, CHART_PRICES, CHART_CURVES, CHART_CLASSES } chart;

/* Words in braces: wn__shown_words. */
typedef struct section {
    const char *id, *title;
    const char *figure; /* NULL: none */
    chart chart;
    wn__table_builder table; /* NULL: none */
} section;

static const section sections[] = {
    {"s-{key}", "{Metric} against sparsity", "{key}", CHART_VALUES, wn__headline_table},
    {"s-claims", "Claims", NULL, STILL, wn__claim_table},
    {"s-differences", "Paired differences", "differences", CHART_DIFFERENCES, wn__difference_table},
    {"s-study", "Measurements of the lab", NULL, STILL, wn__study_table},
    {"s-flow", "Flow of gradients", "flow", STILL, wn__study_flow_table},
    {"s-lines", "Between networks", "lines", STILL, NULL},
    {"s-disagreement", "Disagreement", NULL, STILL, wn__study_disagreement_table},
    {"s-together", "Two networks together", NULL, STILL, wn__study_together_table},
    {"s-ensembles", "Ensembles over seeds", NULL, STILL, wn__study_ensemble_table},
    {"s-distance", "Distances of weights", "map", STILL, wn__study_distance_table},
    {"s-matching", "Largest sparsity that still matches dense", NULL, STILL, wn__matching_table},
    {"s-curves", "Learning curves", "curves", CHART_CURVES, NULL},
    {"s-classes", "Classes", NULL, CHART_CLASSES, wn__class_table},
    {"s-masks", "Masks", "layers", STILL, wn__mask_table},
    {"s-labels", "Soft labels", NULL, STILL, wn__label_table},
    {"s-costs", "Costs", NULL, STILL, wn__cost_table},
    {"s-price", "{Metric} against the price of training", "price", CHART_PRICES, wn__price_table},
    {"s-methods", "Methods", NULL, STILL, wn__method_table},
    {"s-runs", "Runs", NULL, STILL, wn__run_table},
    {"s-facts", "Data, model and environment", NULL, STILL, wn__fact_table},
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

static wn_status add_svg(const wn__figure *figure, const char *folder, wn__text *out)
{
    char file[64], *svg;
    size_t size;
    snprintf(file, sizeof file, "%s.svg", figure->name);
    char *path = wn__path_join(folder, file);
    if (!path) return wn__no_memory(strlen(folder));
    wn_status status = wn__file_read(path, &svg, &size);
    wn__free(path);
    if (status != WN_OK) return status;
    wn__text_add(out, "<div class=\"static\" style=\"max-width:%.0fpx\" role=\"img\" aria-label=\"%s\">\n", 1.35 * figure->width,
                 figure->title);
    status = wn__svg_inline(svg, figure->name, out);
    wn__free(svg);
    wn__text_add(out, "</div>\n");
    return status;
}

static void add_caption(const wn__figure *figure, const char *folder, wn__text *out)
{
    const char *beside = wn__base_name(folder);
    wn__text_add(out, "<figcaption>");
    wn__add_html(out, figure->caption);
    if (figure->left_out[0]) wn__text_add(out, " <span class=\"static\">"); /* the script leaves nothing out */
    wn__add_html(out, figure->left_out);
    if (figure->left_out[0]) wn__text_add(out, "</span>");
    wn__text_add(out, " <a href=\"%s/%s.svg\">SVG</a> <a href=\"%s/%s.pdf\">PDF</a></figcaption>\n", beside, figure->name, beside,
                 figure->name);
}

/* What the script reads of a figure. */
static void add_chart(const wn__results *r, chart drawn, wn__text *out)
{
    if (drawn == STILL) return;
    wn__text_add(out, " data-chart=\"%s\"", drawn == CHART_CURVES ? "curves" : drawn == CHART_CLASSES ? "classes" : "values");
    if (drawn == CHART_PRICES) wn__text_add(out, " data-over=\"1\"");
    if (drawn != CHART_DIFFERENCES || r->baseline_count == 0) return;
    wn__text_add(out, " data-from=\"");
    wn__add_html(out, r->baselines[0]);
    wn__text_add(out, "\"");
}

/* `figure` NULL: it was not drawn, and the script alone can. */
static wn_status add_figure(const wn__results *r, const section *s, const char *title, const wn__figure *figure, const char *folder,
                            wn__text *out)
{
    wn__text_add(out, "<figure");
    add_chart(r, s->chart, out);
    wn__text_add(out, " aria-label=\"%s\">\n", title);
    if (figure) WN_TRY(add_svg(figure, folder, out));
    if (figure) add_caption(figure, folder, out);
    wn__text_add(out, "</figure>\n");
    return WN_OK;
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

static void add_head(const wn__results *r, const wn__figures *figures, const char *note, const char *script_digest, wn__text *out)
{
    const char *set = wn__json_text(json_object_get(r->root, "data"), "set"),
               *arch = wn__json_text(json_object_get(r->root, "model"), "arch");
    wn__text_add(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
    /* Nothing is fetched and no other script runs, whatever names say. */
    wn__text_add(
        out,
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'sha256-%s'; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'\">\n<title>",
        script_digest);
    wn__add_html(out, r->name);
    wn__text_add(out, " – Winnow report</title>\n<style>\n%s</style>\n</head>\n<body>\n<main>\n<h1>", page_style);
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
    const bool live = s->chart != STILL && have_charts && (has_table || s->chart == CHART_CURVES);
    if (status == WN_OK && (figure || has_table || live)) {
        wn__shown_words(&r->shown, s->id, id, sizeof id);
        wn__shown_words(&r->shown, s->title, title, sizeof title);
        wn__text_add(nav, "<a href=\"#%s\">%s</a>\n", id, title);
        wn__text_add(out, "<section id=\"%s\">\n<h2>%s</h2>\n<div class=\"parts\">\n", id, title);
        if (figure || live) status = add_figure(r, s, title, figure, figure_folder, out);
        if (has_table) wn__table_html(&table, out);
        wn__text_add(out, "</div>\n</section>\n");
    }
    wn__table_release(&table);
    return status;
}

/* How to have these results again. */
static void add_command(const wn__results *r, wn__text *out)
{
    if (!wn__json_text(r->root, "resolved")) return;
    wn__text_add(out,
                 "<section id=\"s-again\">\n<h2>Run it again</h2>\n<pre>winnow run resolved.yaml --out again</pre>\n"
                 "<p class=\"note\">In the folder of this page. The file holds every setting, with those of the command line; the same "
                 "versions on the same instruction set give the same bytes.</p>\n</section>\n");
}

/* ---- the script */

static void add_script(wn__text *out)
{
    if (have_charts) wn__text_add(out, "%s%s\n", page_chart_licence, page_chart);
    wn__text_add(out, "%s", page_script);
}

/* What the script draws; a block of data is no script to browsers. */
static wn_status add_data(const wn__results *r, wn__text *out)
{
    if (!have_charts) return WN_OK;
    wn__text_add(out, "<script type=\"application/json\" id=\"data\">");
    const wn_status status = wn__page_data(r, out);
    wn__text_add(out, "</script>\n");
    return status;
}

wn_status wn__report_page(const wn__results *r, const wn__figures *figures, const char *figure_folder, const char *note, wn__text *out)
{
    wn__text nav = {0}, body = {0}, script = {0};
    char digest[WN__SHA256_BASE64];
    wn_status status = WN_OK;
    for (int i = 0; i < SECTIONS && status == WN_OK; i++)
        status = add_section(r, &sections[i], figures, figure_folder, &nav, &body);
    add_command(r, &body);
    add_script(&script);
    if (status == WN_OK) status = add_recipe(r, &body);
    if (status == WN_OK) status = add_data(r, &body);
    if (status == WN_OK && script.failed) status = wn__no_memory(sizeof page_chart);
    if (status == WN_OK) status = wn__sha256_base64(script.data, script.size, digest);
    if (status == WN_OK) {
        add_head(r, figures, note, digest, out);
        wn__text_add(out, "<nav>\n%s</nav>\n%s<script>%s</script>\n</main>\n</body>\n</html>\n", nav.data ? nav.data : "",
                     body.data ? body.data : "", script.data);
        if (nav.failed || body.failed || out->failed) status = wn__no_memory(body.size);
    }
    wn__text_release(&nav);
    wn__text_release(&body);
    wn__text_release(&script);
    return status;
}
