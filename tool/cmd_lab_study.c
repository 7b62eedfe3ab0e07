#include "lab.h"
#include "stop.h"
#include "winnow/report.h"

typedef struct study_config {
    wn__texts set;
    const char *seeds, *out, *data_folder;
    int64_t threads;
    bool again;
} study_config;

static const wn__option study_options[] = {
    WN_OPTION_LIST(study_config, set, "set", "KEY=VALUE", "change the recipe, as for winnow run; may be repeated"),
    WN_OPTION_TEXT(study_config, seeds, "seeds", "LIST", "0-4 or 0,2 instead of the recipe's"),
    WN_OPTION_TEXT(study_config, out, "out", "DIR", "store (default: winnow-runs)"),
    WN_OPTION_TEXT(study_config, data_folder, "data-dir", "DIR", "where data sets lie (default: $WINNOW_DATA, else ~/.local/share/winnow)"),
    WN_OPTION_CPUS(study_config, threads, "threads", "(default: the recipe's, else all CPUs)"),
    WN_OPTION_SWITCH(study_config, again, "again", "throw away what earlier calls found"),
    {0}};

static wn_status write_report(const wn__call *call, const char *folder)
{
    wn_report_files files = {0};
    const wn_status status = wn_report_write(folder, NULL, &files);
    if (status != WN_OK) return status;
    if (files.note[0]) wn__console_note(call->console, "%s", files.note);
    wn__answer_text(call->answer, "report", files.page);
    wn__answer_print(call->answer, "\nreport: %s\n", files.page);
    return WN_OK;
}

static int run_study(const wn__call *call)
{
    const study_config *config = call->config;
    wn__stop_on_signals();
    const wn_lab_study_options options = {.size = sizeof options,
                                          .run = &WN_OPTIONS(wn_run_options, .recipe = call->arguments[0], .set = config->set.items,
                                                             .sets = config->set.count, .seeds = config->seeds, .out = config->out,
                                                             .data_folder = config->data_folder, .threads = (int)config->threads,
                                                             .progress = wn__console_progress, .user = call->console),
                                          .again = config->again};
    wn_lab_result result = {0};
    wn_status status = wn_lab_study(&options, &result);
    wn__console_clear(call->console);
    if (status == WN_OK) {
        wn__answer_print(call->answer, "%s", result.text);
        if (wn__answer_format_of(call->answer) != WN__ANSWER_TEXT)
            wn__lab_put_files(call->answer, result.folder, "study.json", "study.csv");
        status = write_report(call, result.folder);
    }
    wn_lab_result_release(&result);
    return wn__finish(call, status);
}

const wn__command wn__command_lab_study = {
    .name = "lab study",
    .arguments = "RECIPE",
    .summary = "What the recipe's section `lab` asks for, of all seeds: means, intervals, claims",
    .details =
        "The analyses of `winnow lab` on the rows of a recipe that `winnow run` has trained, for every seed. study.json, study.csv and the report lie in the\n"
        "experiment's folder. Each analysis is kept in the store: a study that was cut off goes on, and one that is asked again reads what is there.",
    .options = study_options,
    .config_size = sizeof(study_config),
    .least = 1,
    .most = 1,
    .prints = WN__PRINTS_TABLE,
    .run = run_study,
};
