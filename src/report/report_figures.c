#include "report/report_figures.h"

#include <stdio.h>

#include "base/fail.h"
#include "report/curve_figure.h"
#include "report/figure_files.h"
#include "report/layer_figure.h"
#include "report/study_figures.h"
#include "report/value_figures.h"

/* ---- of a study */

static wn_status flow_figure(const wn__figure_plan *p, wn__sheet *s, bool *drawn) { return wn__study_flow_figure(p->r->study, s, drawn); }
static wn_status line_figure(const wn__figure_plan *p, wn__sheet *s, bool *drawn) { return wn__study_line_figure(p->r->study, s, drawn); }
static wn_status map_figure(const wn__figure_plan *p, wn__sheet *s, bool *drawn) { return wn__study_map_figure(p->r->study, s, drawn); }

/* ---- all figures */

/* Words in braces: wn__shown_words. */
static const struct {
    const char *name, *title, *caption;
    wn_status (*build)(const wn__figure_plan *p, wn__sheet *s, bool *drawn);
} builders[] = {
    {"{key}", "{Metric} against sparsity",
     "Test {metric} of the last epoch, mean over seeds with the 95 % t-interval where there are two seeds or more. "
     "The grey band is dense and its interval. Very long intervals leave the picture. The axis is the logarithm of what is left.{better}",
     wn__headline_figure},
    {"differences", "Paired differences", "Difference of test {metric} by seed{points}, with the 95 % t-interval.{band}{better}",
     wn__difference_figure},
    {"price", "{Metric} against the price of training",
     "Test {metric} of the last epoch against everything that was trained for it from random initialisation on, in FLOPs and in seconds (if `winnow time` "
     "measured them); a line joins the sparsities of a method. Mean over seeds with the 95 % t-interval; a triangle at the {edge}.",
     wn__price_figure},
    {"curves", "Learning curves",
     "{Metric} over the epochs of retraining, mean over seeds; a method that rewinds starts at its rewind point. Grey: the dense run.{better}",
     wn__curve_figure},
    {"layers", "What is left of each layer",
     "Non-zero weights of each pruned tensor, mean over seeds. Methods whose masks keep equal numbers in every layer share a panel; "
     "a layer without any weight left has no point.",
     wn__layer_figure},
    {"flow", "Flow of gradients",
     "L2 norm of the gradient over active weights, and the loss, on images that training has not seen, before these steps: geometric mean over "
     "seeds. Steps are drawn over their square root.",
     flow_figure},
    {"lines", "Between networks", "Loss and error on the straight line between two networks of one seed, mean over seeds.", line_figure},
    {"map", "Distances of weights",
     "The plane that comes nearest to the mean L2 distances of networks of one seed (classical multidimensional scaling).", map_figure},
};

static wn_status build_figures(const wn__figure_plan *p, wn__figure_files *files, wn__figures *figures)
{
    for (size_t i = 0; i < sizeof builders / sizeof builders[0]; i++) {
        wn__sheet sheet = {0};
        bool drawn = false;
        wn_status status = builders[i].build(p, &sheet, &drawn);
        if (status == WN_OK && drawn) {
            wn__figure *figure = &figures->figure[figures->count++];
            wn__shown_words(&p->r->shown, builders[i].name, figure->name, sizeof figure->name);
            wn__shown_words(&p->r->shown, builders[i].title, figure->title, sizeof figure->title);
            wn__shown_words(&p->r->shown, builders[i].caption, figure->caption, sizeof figure->caption);
            figure->width = sheet.width;
            if (sheet.left_out.data) snprintf(figure->left_out, sizeof figure->left_out, "%s", sheet.left_out.data);
            status = wn__figure_files_add(files, &sheet, figure->name);
        }
        wn__sheet_release(&sheet);
        WN_TRY(status);
    }
    return WN_OK;
}

wn_status wn__figures_draw(const wn__results *results, const char *folder, wn__figures *figures)
{
    wn__figure_files files = {0};
    wn__figures built = {0};
    wn__figure_plan p;
    WN_TRY(wn__figure_plan_make(results, &p));
    wn_status status = build_figures(&p, &files, &built);
    wn__figure_plan_release(&p);
    if (status == WN_OK) status = wn__figure_files_draw(&files, folder);
    wn__figure_files_release(&files);
    if (status == WN_OK) *figures = built;
    return status;
}
