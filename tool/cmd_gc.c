#include "command.h"
#include "winnow/experiment.h"
#include "winnow/show.h"

typedef struct gc_config {
    const char *out;
    bool dry_run;
} gc_config;

static const wn__option gc_options[] = {WN_OPTION_TEXT(gc_config, out, "out", "DIR", "store (default: winnow-runs)"),
                                        WN_OPTION_SWITCH(gc_config, dry_run, "dry-run", "only say what would be removed"),
                                        {0}};

static void print_stage(void *user, const wn_stored_stage *stage)
{
    (void)user;
    char size[32];
    printf("%.12s  %9s  %s\n", stage->identity, wn_show_bytes(stage->bytes, size, sizeof size), stage->label);
}

static int run_gc(const wn__call *call)
{
    const gc_config *config = call->config;
    int64_t bytes = 0;
    const wn_status status = wn_store_gc(config->out, config->dry_run, print_stage, NULL, &bytes);
    char size[32];
    if (status == WN_OK) printf("%s %s\n", config->dry_run ? "would free" : "freed", wn_show_bytes(bytes, size, sizeof size));
    return wn__finish(call, status);
}

const wn__command wn__command_gc = {
    .name = "gc",
    .arguments = "",
    .summary = "Remove the stages that no experiment of the store refers to",
    .options = gc_options,
    .config_size = sizeof(gc_config),
    .run = run_gc,
};
