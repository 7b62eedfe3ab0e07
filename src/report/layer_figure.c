#include "report/layer_figure.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { MASK_PANELS = 3, NAMED_LAYERS = 24 };

/* Methods whose masks keep equal numbers of weights in each layer. */
typedef struct mask_group {
    int first, count; /* the first of them, and how many they are */
} mask_group;

static const wn__result_row *layered_row(const wn__figure_plan *p, int method, double sparsity)
{
    const wn__cell *cell = wn__results_find(p->r, p->r->methods[method], sparsity);
    return cell && sparsity > 0 && cell->rows[0]->layer_count > 0 ? cell->rows[0] : NULL;
}

static bool has_layers(const wn__figure_plan *p, int method)
{
    for (int i = 0; i < p->sparsity_count; i++)
        if (layered_row(p, method, p->sparsities[i])) return true;
    return false;
}

static bool same_layers(const wn__result_row *a, const wn__result_row *b)
{
    if (!a || !b) return a == b;
    if (a->layer_count != b->layer_count) return false;
    for (int i = 0; i < a->layer_count; i++)
        if (a->layers[i].nonzero != b->layers[i].nonzero) return false;
    return true;
}

static bool same_masks(const wn__figure_plan *p, int a, int b)
{
    for (int i = 0; i < p->sparsity_count; i++)
        if (!same_layers(layered_row(p, a, p->sparsities[i]), layered_row(p, b, p->sparsities[i]))) return false;
    return true;
}

static int group_masks(const wn__figure_plan *p, mask_group groups[MASK_PANELS], mask_group *left_out)
{
    int count = 0;
    *left_out = (mask_group){0};
    for (int m = 0; m < p->r->method_count; m++) {
        if (!has_layers(p, m)) continue;
        int g = 0;
        while (g < count && !same_masks(p, groups[g].first, m))
            g++;
        if (g == MASK_PANELS) {
            if (left_out->count++ == 0) left_out->first = m;
            continue;
        }
        if (g == count) groups[count++] = (mask_group){.first = m};
        groups[g].count++;
    }
    return count;
}

/* "lottery-ticket and 4 more" */
static char *mask_title(const wn__figure_plan *p, const mask_group *g, char *title, size_t size)
{
    const char *first = p->r->methods[g->first];
    if (g->count == 1)
        snprintf(title, size, "%s", first);
    else
        snprintf(title, size, "%s and %d more", first, g->count - 1);
    return title;
}

/* Mean density in % over the seeds of each selected layer that has weights left. */
static int add_layer_series(wn__sheet *s, const wn__figure_plan *p, int method, double sparsity)
{
    const wn__cell *cell = wn__results_find(p->r, p->r->methods[method], sparsity);
    if (!layered_row(p, method, sparsity)) return -1;
    const int block = wn__sheet_data_begin(s), layers = cell->rows[0]->layer_count;
    for (int l = 0, shown = 0; l < layers; l++) {
        double left = 0, count = 0;
        if (!cell->rows[0]->layers[l].selected) continue;
        for (int i = 0; i < cell->n; i++) {
            if (cell->rows[i]->layer_count != layers) continue;
            left += (double)cell->rows[i]->layers[l].nonzero;
            count += (double)cell->rows[i]->layers[l].count;
        }
        wn__text_add(&s->script, left > 0 ? "%d %.6g\n" : "%d NaN\n", ++shown, 100 * left / count);
    }
    wn__sheet_data_end(s);
    return block;
}

/* Names of the selected layers below the axis, or their numbers if there are many. */
static void add_layer_axis(wn__sheet *s, const wn__result_row *row, bool named)
{
    int count = 0;
    assert(row); /* methods without layers have no panel */
    for (int l = 0; l < row->layer_count; l++)
        count += row->layers[l].selected;
    wn__text_add(&s->script, "set xrange [0.5:%d.5]\nset xlabel '%s'\n", count, named ? "" : "layer");
    if (!named) return;
    wn__text_add(&s->script, "set xtics (");
    for (int l = 0, shown = 0; l < row->layer_count; l++) {
        char name[256]; /* of a node */
        if (!row->layers[l].selected) continue;
        snprintf(name, sizeof name, "%s", row->layers[l].name);
        char *suffix = strstr(name, ".weight");
        if (suffix) *suffix = 0;
        wn__text_add(&s->script, shown > 0 ? ", " : "");
        wn__sheet_quote_tic(s, name);
        wn__text_add(&s->script, " %d", ++shown);
    }
    wn__text_add(&s->script, ") rotate by 50 right font small_font\n");
}

static void add_sparsities_legend(wn__sheet *s, const wn__figure_plan *p, int row)
{
    wn__legend *l = wn__sheet_legend(s, row, 0, 1);
    for (int i = 0; i < p->sparsity_count; i++)
        if (p->sparsities[i] > 0) wn__legend_add(l, wn__sheet_style(l->count), "%s", p->percent[i]);
}

static void add_mask_panel(wn__sheet *s, const wn__figure_plan *p, const mask_group *g, int row, bool named)
{
    char title[160];
    const wn__result_row *example = NULL;
    int *blocks = p->blocks;
    for (int i = 0; i < p->sparsity_count; i++) {
        blocks[i] = add_layer_series(s, p, g->first, p->sparsities[i]);
        if (blocks[i] >= 0) example = layered_row(p, g->first, p->sparsities[i]);
    }
    wn__sheet_panel(s, row, 0, mask_title(p, g, title, sizeof title));
    add_layer_axis(s, example, named);
    wn__text_add(&s->script, "set ylabel 'weights left (%%)'\n");
    wn__text_add(&s->script, "plot 1/0 notitle");
    for (int i = 0, style = 0; i < p->sparsity_count; i++) {
        if (p->sparsities[i] == 0) continue;
        style++;
        if (blocks[i] < 0) continue;
        wn__text_add(&s->script, ", $d%d using 1:2 with linespoints ls %d notitle", blocks[i], wn__sheet_style(style - 1));
    }
    wn__text_add(&s->script, "\n");
}

static int selected_layers(const wn__results *r)
{
    int most = 0;
    for (int i = 0; i < r->row_count; i++) {
        int count = 0;
        for (int l = 0; l < r->rows[i].layer_count; l++)
            count += r->rows[i].layers[l].selected;
        most = count > most ? count : most;
    }
    return most;
}

/* Letters of the longest name that add_layer_axis shows. */
static int longest_layer_name(const wn__results *r)
{
    int longest = 0;
    for (int i = 0; i < r->row_count; i++)
        for (int l = 0; l < r->rows[i].layer_count; l++) {
            const char *name = r->rows[i].layers[l].name, *suffix = strstr(name, ".weight");
            const int length = (int)(suffix ? (size_t)(suffix - name) : strlen(name));
            if (r->rows[i].layers[l].selected && length > longest) longest = length;
        }
    return longest < 30 ? longest : 30;
}

wn_status wn__layer_figure(const wn__figure_plan *p, wn__sheet *s, bool *drawn)
{
    mask_group groups[MASK_PANELS], others;
    char title[160];
    const int panels = group_masks(p, groups, &others), layers = selected_layers(p->r);
    const bool named = layers <= NAMED_LAYERS;
    if (panels == 0 || layers == 0) return WN_OK;
    *s = (wn__sheet){
        .rows = panels, .columns = 1, .plot_width = 386, .plot_height = 170, .below = named ? 20 + 4.1 * longest_layer_name(p->r) : 46};
    for (int row = 0; row < panels; row++)
        add_sparsities_legend(s, p, row);
    wn__sheet_begin(s);
    wn__text_add(&s->script, "set logscale y\nset yrange [*:130]\nset format y '%%g'\n");
    for (int row = 0; row < panels; row++)
        add_mask_panel(s, p, &groups[row], row, named);
    if (others.count > 0)
        wn__text_add(&s->left_out, "Not drawn, for want of room: the masks of %s.", mask_title(p, &others, title, sizeof title));
    *drawn = true;
    return WN_OK;
}
