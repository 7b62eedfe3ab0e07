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

void wn__lab_put_file(wn__answer *answer, const char *folder, const char *name)
{
    char path[1100];
    char *text = NULL;
    size_t room = 0;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    if (file && getdelim(&text, &room, 0, file) > 0) wn__answer_json(answer, "answer", text);
    if (file) fclose(file);
    free(text);
    wn__answer_text(answer, "folder", folder);
}

static void print_answer(wn__answer *answer, const wn_lab_result *result)
{
    if (wn__answer_format_of(answer) == WN__ANSWER_JSON) {
        wn__lab_put_file(answer, result->folder, "result.json");
        return;
    }
    wn__answer_print(answer, "%s", result->text);
    wn__answer_print(answer, "\nresults: %s\n", result->folder);
}

int wn__lab_show(const wn__call *call, wn_status status, wn_lab_result *result)
{
    wn__console_clear(call->console);
    if (status == WN_OK) {
        print_answer(call->answer, result);
        if (result->note[0]) wn__console_note(call->console, "%s", result->note);
    }
    wn_lab_result_release(result);
    return wn__finish(call, status);
}
