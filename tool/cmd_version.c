#include "command.h"

static int run_version(const wn__call *call)
{
    wn__answer_text(call->answer, "version", wn_version());
    wn__answer_print(call->answer, "winnow %s\n", wn_version());
    return WN__EXIT_OK;
}

const wn__command wn__command_version = {
    .name = "version",
    .arguments = "",
    .summary = "Print the version of the program",
    .prints = WN__PRINTS_JSON,
    .run = run_version,
};
