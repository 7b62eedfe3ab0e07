#include "lab.h"

#include <math.h>
#include <stdlib.h>

#include "stop.h"

wn_lab_options wn__lab_options_of(const wn__call *call, const wn__lab_config *config)
{
    wn__stop_on_signals();
    return WN_OPTIONS(wn_lab_options, .networks = call->arguments, .count = call->count, .out = config->out,
                      .experiment = config->experiment, .folder = config->folder, .set = config->set.items, .sets = config->set.count,
                      .data_folder = config->data_folder, .threads = (int)config->threads, .again = config->again,
                      .progress = wn__console_progress, .user = call->console);
}

bool wn__lab_number_option(const char *text, double *number)
{
    char *end;
    *number = 0;
    if (!text) return true;
    *number = strtod(text, &end);
    return end != text && *end == 0 && isfinite(*number) && *number > 0;
}

/* The whole file; NULL: it cannot be read. Free with free. */
static char *read_file(const char *folder, const char *name)
{
    char path[1100];
    char *text = NULL;
    size_t room = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    if (!file) return NULL;
    const ssize_t length = getdelim(&text, &room, 0, file);
    fclose(file);
    if (length > 0) return text;
    free(text);
    return NULL;
}

void wn__lab_put_files(wn__answer *answer, const char *folder, const char *json, const char *csv)
{
    const bool table = wn__answer_format_of(answer) == WN__ANSWER_CSV;
    char *text = read_file(folder, table ? csv : json);
    if (text && table) wn__answer_ready(answer, text);
    if (text && !table) wn__answer_json(answer, "answer", text);
    free(text);
    wn__answer_text(answer, "folder", folder);
}

int wn__lab_show(const wn__call *call, wn_status status, wn_lab_result *result, const char *csv)
{
    wn__console_clear(call->console);
    if (status == WN_OK) {
        wn__answer_print(call->answer, "%s\nresults: %s\n", result->text, result->folder);
        if (wn__answer_format_of(call->answer) != WN__ANSWER_TEXT) wn__lab_put_files(call->answer, result->folder, "result.json", csv);
        if (result->note[0]) wn__console_note(call->console, "%s", result->note);
    }
    wn_lab_result_release(result);
    return wn__finish(call, status);
}
