#include "claims.h"
#include "command.h"
#include "names.h"
#include "winnow/report.h"

typedef struct report_config {
    bool latex;
    const char *out, *metric;
} report_config;

static const wn__option report_options[] = {
    WN_OPTION_SWITCH(report_config, latex, "latex", "print the tables for LaTeX (package booktabs); write no files",
                     .excludes = "json csv"),
    WN_OPTION_TEXT(report_config, metric, "metric", "NAME", "show this metric instead of the headline: loss, top-5, ..."),
    WN_OPTION_TEXT(report_config, out, "out", "DIR", "store (default: winnow-runs)"),
    {0}};

static wn_status print_tables(wn__answer *answer, const char *folder, wn_report_format format, const wn_report_options *options)
{
    char *text;
    const wn_status status = wn_report_text(folder, format, options, &text);
    if (status != WN_OK) return status;
    if (format == WN_REPORT_JSON)
        wn__answer_json(answer, "results", text);
    else
        wn__answer_ready(answer, text);
    wn_text_free(text);
    return format == WN_REPORT_JSON ? wn__put_claims(answer, folder, options) : WN_OK;
}

static int run_report(const wn__call *call)
{
    const report_config *config = call->config;
    char folder[WN__PATH];
    wn_status status = wn_store_experiment(config->out, call->arguments[0], folder, sizeof folder);
    if (status != WN_OK) return wn__finish(call, status);
    const wn_report_options options = {.size = sizeof options, .metric = config->metric};
    static const wn_report_format formats[] = {
        [WN__ANSWER_TEXT] = WN_REPORT_TEXT, [WN__ANSWER_JSON] = WN_REPORT_JSON, [WN__ANSWER_CSV] = WN_REPORT_CSV};
    const wn_report_format format = config->latex ? WN_REPORT_LATEX : formats[wn__answer_format_of(call->answer)];
    wn_report_files files;
    status = print_tables(call->answer, folder, format, &options);
    if (format != WN_REPORT_TEXT) return wn__finish(call, status);
    if (status == WN_OK) status = wn_report_write(folder, &options, &files);
    if (status != WN_OK) return wn__finish(call, status);
    if (files.note[0]) wn__console_note(call->console, "%s", files.note);
    wn__answer_print(call->answer, "\nreport: %s\n", files.page);
    return WN__EXIT_OK;
}

const wn__command wn__command_report = {
    .name = "report",
    .arguments = "EXPERIMENT",
    .summary = "Write the HTML report and the figures of an experiment; print its tables",
    .details = WN_EXPERIMENT_NAMES
    " Each figure is written as SVG and PDF too.\n"
    "Shown is the headline metric of the runs. With --metric NAME it is another one that they have, in files of its own: report-loss.html, figures-loss.\n"
    "--csv, --json and --latex print and write no files: a line or an object per method and sparsity, shares in [0,1]; the tables.\n"
    "--json has the claims of the recipe, too, with their verdicts.",
    .options = report_options,
    .config_size = sizeof(report_config),
    .least = 1,
    .most = 1,
    .prints = WN__PRINTS_TABLE,
    .run = run_report,
};
