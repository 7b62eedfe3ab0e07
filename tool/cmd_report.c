#include "command.h"
#include "winnow/report.h"

typedef struct report_config {
    bool csv, latex;
    const char *metric;
} report_config;

static const wn__option report_options[] = {
    WN_OPTION_SWITCH(report_config, csv, "csv", "print one line per method and sparsity as CSV; write no files", .excludes = "latex"),
    WN_OPTION_SWITCH(report_config, latex, "latex", "print the tables for LaTeX (package booktabs); write no files"),
    WN_OPTION_TEXT(report_config, metric, "metric", "NAME", "show this metric instead of the headline: loss, top-5, ..."),
    {0}};

static wn_status print_tables(const char *folder, wn_report_format format, const wn_report_options *options)
{
    char *text;
    const wn_status status = wn_report_text(folder, format, options, &text);
    if (status != WN_OK) return status;
    fputs(text, stdout);
    wn_text_free(text);
    return WN_OK;
}

static int run_report(const wn__call *call)
{
    const report_config *config = call->config;
    const char *folder = call->arguments[0];
    const wn_report_options options = {.size = sizeof options, .metric = config->metric};
    if (config->csv) return wn__finish(call, print_tables(folder, WN_REPORT_CSV, &options));
    if (config->latex) return wn__finish(call, print_tables(folder, WN_REPORT_LATEX, &options));
    wn_report_files files;
    wn_status status = print_tables(folder, WN_REPORT_TEXT, &options);
    if (status == WN_OK) status = wn_report_write(folder, &options, &files);
    if (status != WN_OK) return wn__finish(call, status);
    if (files.note[0]) wn__console_note(call->console, "%s", files.note);
    printf("\nreport: %s\n", files.page);
    return WN__EXIT_OK;
}

const wn__command wn__command_report = {
    .name = "report",
    .arguments = "DIR",
    .summary = "Write the HTML report and the figures of an experiment; print its tables",
    .details =
        "DIR is an experiment's folder, as `winnow run` prints it (winnow-runs/NAME). Each figure is written as SVG and PDF too.\n"
        "Shown is the headline metric of the runs. With --metric NAME it is another one that they have, in files of its own: report-loss.html, figures-loss.",
    .options = report_options,
    .config_size = sizeof(report_config),
    .least = 1,
    .most = 1,
    .run = run_report,
};
