/* The section `lab`: which measurements of which rows `winnow lab study` makes. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "recipe/recipe.h"

const wn__setting wn__lab_settings[] = {
    WN_SETTING_INT(wn__lab_section, images, 1000, 1, 1e9, "of flow: images whose loss and gradient are taken, of the validation part"),
    WN_SETTING_INT(wn__lab_section, points, 29, 8, 1000, "of lines, from -0.2 to 1.2"),
    WN_SETTING_INT(wn__lab_section, train_images, 0, 0, 1e12, "of lines: the first so many training images; 0: all"),
    WN_SETTING_INT(wn__lab_section, hessian_images, 200, 1, 1e9, "of hessian: images of the validation part"),
    WN_SETTING_INT(wn__lab_section, lanczos_steps, 20, 2, 1000, "of hessian: products from one random vector"),
    {0},
};

/* ---- reading */

static wn_status read_flow(void *arg, const wn__yaml_node *node)
{
    wn__lab_section *l = arg;
    return wn__scalar_list(node, "lab.flow", WN__MOST_LAB_ROWS, l->flow, &l->flows);
}

static wn_status read_compare(void *arg, const wn__yaml_node *node)
{
    wn__lab_section *l = arg;
    return wn__scalar_list(node, "lab.compare", WN__MOST_LAB_ROWS, l->compare, &l->compares);
}

static wn_status read_hessian(void *arg, const wn__yaml_node *node)
{
    wn__lab_section *l = arg;
    return wn__scalar_list(node, "lab.hessian", WN__MOST_LAB_ROWS, l->hessian, &l->hessians);
}

static wn_status read_ensembles(void *arg, const wn__yaml_node *node)
{
    wn__lab_section *l = arg;
    return wn__scalar_list(node, "lab.ensembles", WN__MOST_LAB_ROWS, l->ensemble, &l->ensembles);
}

static wn_status read_at(void *arg, const wn__yaml_node *node)
{
    wn__lab_section *l = arg;
    const char *texts[WN__MOST_LAB_STEPS];
    WN_TRY(wn__scalar_list(node, "lab.at", WN__MOST_LAB_STEPS, texts, &l->ats));
    for (int i = 0; i < l->ats; i++) {
        const wn_status status = wn__steps_parse(texts[i], &l->at[i]);
        if (status != WN_OK) return wn__fault_at(wn__list_item(node, i), "lab.at: ", status);
    }
    return WN_OK;
}

static wn_status read_lines(void *arg, const wn__yaml_node *node)
{
    wn__lab_section *l = arg;
    if (wn__yaml_kind_of(node) != WN__YAML_SEQUENCE)
        return wn__yaml_fail(WN_EUSAGE, node, "lab.lines: a list of pairs is needed: [[ticket, pruned], [scratch, pruned]]");
    l->lines = 0;
    for (int i = 0; i < wn__yaml_count(node); i++) {
        const wn__yaml_node *pair = wn__yaml_child(node, i);
        int count = 0;
        if (l->lines == WN__MOST_LAB_PAIRS) return wn__yaml_fail(WN_EUSAGE, pair, "lab.lines: more than %d pairs", WN__MOST_LAB_PAIRS);
        if (wn__yaml_kind_of(pair) == WN__YAML_SEQUENCE) WN_TRY(wn__scalar_list(pair, "lab.lines", 2, l->line[l->lines++], &count));
        if (count != 2) return wn__yaml_fail(WN_EUSAGE, pair, "lab.lines: each item is a pair of rows: [ticket, pruned]");
    }
    return WN_OK;
}

wn_status wn__lab_section_read(void *recipe, const wn__yaml_node *node)
{
    wn__lab_section *l = &((wn__recipe *)recipe)->lab;
    static const wn__special keys[] = {{"flow", read_flow},
                                       {"at", read_at},
                                       {"lines", read_lines},
                                       {"compare", read_compare},
                                       {"hessian", read_hessian},
                                       {"ensembles", read_ensembles},
                                       {0}};
    const wn__schema schema = {.what = "lab", .table = {{wn__lab_settings, l}}, .special = keys, .arg = l};
    return wn__schema_read(&schema, node);
}

/* ---- checking */

bool wn__lab_section_is_empty(const wn__recipe *r)
{
    return r->lab.flows + r->lab.lines + r->lab.compares + r->lab.hessians + r->lab.ensembles == 0;
}

static bool is_point(const char *text)
{
    char *end;
    if (strcmp(text, "start") == 0) return true;
    return *text >= '0' && *text <= '9' && (strtoll(text, &end, 10), *end == 0 || strcmp(end, "+") == 0);
}

/* "ticket", or with `points` "ticket@start", "ticket@500". */
static wn_status check_row(const wn__recipe *r, const wn__yaml_node *node, const char *key, const char *row, bool points)
{
    const char *at = points ? strchr(row, '@') : NULL;
    const size_t length = at ? (size_t)(at - row) : strlen(row);
    char what[64];
    for (int i = 0; i < r->rows; i++) {
        if (strlen(r->row_name[i]) != length || strncmp(r->row_name[i], row, length) != 0) continue;
        if (!at || is_point(at + 1)) return WN_OK;
        return wn__yaml_fail(WN_EUSAGE, node, "lab.%s: %s: a point is a step or start", key, row);
    }
    snprintf(what, sizeof what, "lab.%s: unknown method", key);
    return wn__unknown_at(node, what, row, r->row_name, r->rows);
}

static wn_status check_rows(const wn__recipe *r, const wn__yaml_node *section, const char *key, const char *const *rows, int count,
                            bool points)
{
    const wn__yaml_node *node = wn__yaml_find(section, key);
    for (int i = 0; i < count; i++) {
        const wn__yaml_node *item = wn__list_item(node, i);
        WN_TRY(check_row(r, item, key, rows[i], points));
        for (int j = 0; j < i; j++)
            if (strcmp(rows[i], rows[j]) == 0) return wn__yaml_fail(WN_EUSAGE, item, "lab.%s: %s is listed twice", key, rows[i]);
    }
    return WN_OK;
}

static wn_status check_steps(const wn__recipe *r, const wn__yaml_node *section)
{
    const wn__lab_section *l = &r->lab;
    const wn__yaml_node *node = wn__yaml_find(section, "at");
    int64_t before = -1;
    if (l->flows > 0 && l->ats == 0)
        return wn__yaml_fail(WN_EUSAGE, section, "lab.flow: the key \"at\" is missing: before which steps? at: [0it, 500it, 100%%]");
    for (int i = 0; i < l->ats; i++) {
        const int64_t step = wn__steps_resolve(l->at[i], r->clock.steps_per_epoch, r->clock.total);
        if (step <= before) return wn__yaml_fail(WN_EUSAGE, wn__list_item(node, i), "lab.at: times must ascend");
        before = step;
    }
    return WN_OK;
}

static wn_status check_targets(const wn__recipe *r, const wn__yaml_node *section)
{
    const char *key = r->lab.compares > 0 ? "compare" : r->lab.ensembles > 0 ? "ensembles" : NULL;
    const wn_status status = key ? wn__recipe_need_classes(r, key) : WN_OK;
    return status == WN_OK ? WN_OK : wn__fault_at(wn__yaml_find(section, key), "lab.", status);
}

wn_status wn__lab_section_check(const wn__recipe *r)
{
    const wn__lab_section *l = &r->lab;
    const wn__yaml_node *section = wn__yaml_find(wn__yaml_root(r->doc), "lab"), *lines = section ? wn__yaml_find(section, "lines") : NULL;
    if (!section) return WN_OK;
    WN_TRY(check_targets(r, section));
    WN_TRY(check_steps(r, section));
    WN_TRY(check_rows(r, section, "flow", l->flow, l->flows, false));
    WN_TRY(check_rows(r, section, "compare", l->compare, l->compares, true));
    WN_TRY(check_rows(r, section, "hessian", l->hessian, l->hessians, true));
    WN_TRY(check_rows(r, section, "ensembles", l->ensemble, l->ensembles, true));
    if (l->compares == 1) return wn__yaml_fail(WN_EUSAGE, section, "lab.compare: two rows or more are needed");
    for (int i = 0; i < 2 * l->lines; i++)
        WN_TRY(check_row(r, wn__yaml_child(lines, i / 2), "lines", l->line[i / 2][i % 2], true));
    for (int i = 0; i < l->lines; i++)
        if (strcmp(l->line[i][0], l->line[i][1]) == 0)
            return wn__yaml_fail(WN_EUSAGE, wn__yaml_child(lines, i), "lab.lines: %s and itself", l->line[i][0]);
    return WN_OK;
}

/* ---- writing: what the resolved recipe compares */

bool wn__recipe_compares(const wn__recipe *r, const char *row)
{
    const char *at = strchr(row, '@');
    const size_t length = at ? (size_t)(at - row) : strlen(row);
    for (int i = 0; i < r->methods; i++) {
        const char *name = r->row[r->compared[i]].name;
        if (strlen(name) == length && strncmp(name, row, length) == 0) return true;
    }
    return false;
}

static void write_rows(wn__yaml_out *out, const wn__recipe *r, const char *key, const char *const *rows, int count, int least)
{
    const char *kept[WN__MOST_LAB_ROWS];
    int keeps = 0;
    for (int i = 0; i < count; i++)
        if (wn__recipe_compares(r, rows[i])) kept[keeps++] = rows[i];
    if (keeps >= least) wn__out_list(out, key, kept, keeps);
}

static void write_lines(wn__yaml_out *out, const wn__recipe *r)
{
    const wn__lab_section *l = &r->lab;
    for (int i = 0, written = 0; i < l->lines; i++) {
        if (!wn__recipe_compares(r, l->line[i][0]) || !wn__recipe_compares(r, l->line[i][1])) continue;
        if (written++ == 0) wn__text_add(&out->text, "%*slines:\n", out->indent, "");
        wn__text_add(&out->text, "%*s  - [%s, %s]\n", out->indent, "", l->line[i][0], l->line[i][1]);
    }
}

void wn__lab_section_write(wn__yaml_out *out, const wn__recipe *r)
{
    const wn__lab_section *l = &r->lab;
    char text[WN__MOST_LAB_STEPS][32];
    const char *steps[WN__MOST_LAB_STEPS];
    if (wn__lab_section_is_empty(r)) return;
    for (int i = 0; i < l->ats; i++) {
        snprintf(text[i], sizeof text[i], "%lldit", (long long)wn__steps_resolve(l->at[i], r->clock.steps_per_epoch, r->clock.total));
        steps[i] = text[i];
    }
    wn__out_open(out, "lab");
    write_rows(out, r, "flow", l->flow, l->flows, 1);
    if (l->ats) wn__out_list(out, "at", steps, l->ats);
    write_lines(out, r);
    write_rows(out, r, "compare", l->compare, l->compares, 2);
    write_rows(out, r, "hessian", l->hessian, l->hessians, 1);
    write_rows(out, r, "ensembles", l->ensemble, l->ensembles, 1);
    wn__out_table(out, wn__lab_settings, l);
    wn__out_close(out);
}
