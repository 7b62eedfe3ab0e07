#include "winnow/report.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/arguments.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/options.h"
#include "report/claim_table.h"
#include "report/report_html.h"
#include "report/report_tables.h"

typedef void (*table_writer)(const wn__table *table, wn__text *out);

static wn_status write_table(const wn__results *r, wn__table_builder build, table_writer write, wn__text *out)
{
    wn__table table = {0};
    const wn_status status = build(r, &table);
    if (status == WN_OK && wn__table_rows(&table) > 0) {
        if (out->size > 0) wn__text_add(out, "\n");
        write(&table, out);
    }
    wn__table_release(&table);
    return status;
}

static wn_status write_tables(const wn__results *r, wn_report_format format, wn__text *out)
{
    if (format == WN_REPORT_CSV) return write_table(r, wn__number_table, wn__table_csv, out);
    if (format == WN_REPORT_JSON) return write_table(r, wn__json_table, wn__table_json, out);
    if (format == WN_REPORT_CLAIMS) {
        WN_TRY(write_table(r, wn__claim_table, wn__table_json, out));
        if (out->size == 0) wn__text_add(out, "[]\n");
        return WN_OK;
    }
    if (format == WN_REPORT_SUMMARY) {
        WN_TRY(write_table(r, wn__headline_table, wn__table_text, out));
        return write_table(r, wn__claim_table, wn__table_text, out);
    }
    for (int i = 0; wn__report_tables[i]; i++) {
        if (format == WN_REPORT_LATEX && wn__report_tables[i] == wn__fact_table) continue;
        WN_TRY(write_table(r, wn__report_tables[i], format == WN_REPORT_LATEX ? wn__table_latex : wn__table_text, out));
    }
    return WN_OK;
}

/* With what the caller wants shown. */
static wn_status read_results(const char *folder, const wn_report_options *options, wn__results **out)
{
    wn_report_options own;
    WN_TRY(wn__options_take(options, "wn_report_options", sizeof own, &own));
    return wn__results_read(folder, own.metric, out);
}

wn_status wn_report_text(const char *folder, wn_report_format format, const wn_report_options *options, char **text)
{
    wn__results *r;
    wn__text out = {0};
    WN__NEED(folder);
    WN__NEED(text);
    if ((unsigned)format > WN_REPORT_CLAIMS)
        return wn__fail(WN_EINVAL, "report: format %d, must be 0 to %d", (int)format, (int)WN_REPORT_CLAIMS);
    WN_TRY(read_results(folder, options, &r));
    wn_status status = r->row_count > 0 ? WN_OK : wn__fail(WN_ENOTFOUND, "%s: none of its runs is finished yet", folder);
    if (status == WN_OK) status = write_tables(r, format, &out);
    if (status == WN_OK && out.failed) status = wn__no_memory(out.size);
    wn__results_free(r);
    if (status == WN_OK)
        *text = out.data;
    else
        wn__text_release(&out);
    return status;
}

static wn_status write_page(const wn__results *r, const wn__figures *figures, const char *figure_folder, const char *note, const char *path)
{
    wn__text page = {0};
    wn_status status = wn__report_page(r, figures, figure_folder, note, &page);
    if (status == WN_OK) status = wn__file_write(path, page.data, page.size);
    wn__text_release(&page);
    return status;
}

static wn_status write_report(const wn__results *r, const char *figure_folder, const char *page, wn_report_files *files)
{
    wn__figures figures = {0};
    const wn_status drawn = wn__figures_draw(r, figure_folder, &figures);
    if (drawn != WN_OK && drawn != WN_EUNSUPPORTED) return drawn;
    if (drawn != WN_OK) snprintf(files->note, sizeof files->note, "Report without figures: %s", wn_error_message());
    if (snprintf(files->page, sizeof files->page, "%s", page) >= (int)sizeof files->page)
        return wn__fail(WN_EINVAL, "%s: the path is too long", page);
    files->figures = figures.count;
    return write_page(r, &figures, figure_folder, files->note, page);
}

wn_status wn_report_write(const char *folder, const wn_report_options *options, wn_report_files *files)
{
    wn__results *r;
    wn_report_files written = {0};
    char page_name[64], figures_name[64];
    WN__NEED(folder);
    WN_TRY(read_results(folder, options, &r));
    const bool other = r->shown.metric != r->headline;
    wn__shown_words(&r->shown, other ? "report-{key}.html" : "report.html", page_name, sizeof page_name);
    wn__shown_words(&r->shown, other ? "figures-{key}" : "figures", figures_name, sizeof figures_name);
    char *page = wn__path_join(folder, page_name), *figure_folder = wn__path_join(folder, figures_name);
    const wn_status status = page && figure_folder ? write_report(r, figure_folder, page, &written) : wn__no_memory(strlen(folder));
    wn__free(page);
    wn__free(figure_folder);
    wn__results_free(r);
    if (status == WN_OK && files) *files = written;
    return status;
}
