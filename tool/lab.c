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

int wn__lab_show(const wn__call *call, wn_status status, wn_lab_result *result)
{
    wn__console_clear(call->console);
    if (status == WN_OK) {
        fputs(result->text, stdout);
        if (result->note[0]) wn__console_note(call->console, "%s", result->note);
        printf("\nresults: %s\n", result->folder);
    }
    wn_lab_result_release(result);
    return wn__finish(call, status);
}
