#include "lab.h"
#include "winnow/show.h"
#include "winnow/shrink.h"
#include "written.h"

typedef struct shrink_config {
    wn__texts set;
    const char *out, *experiment, *data_folder, *hold, *min_accuracy, *by, *size, *result;
    int64_t threads;
} shrink_config;

static const wn__option shrink_options[] = {
    WN_OPTION_TEXT(shrink_config, hold, "hold", "VALUE",
                   "of the headline on the validation images, required: at least 88% or 0.88; errors and losses at most 0.05"),
    WN_OPTION_TEXT(shrink_config, min_accuracy, "min-accuracy", "A", "the same"),
    WN_OPTION_TEXT(shrink_config, result, "to", "NAME", "write NAME.yaml and NAME.safetensors (default: shrunk)"),
    WN_OPTION_TEXT(shrink_config, by, "by", "WAY",
                   "prune further, without training: units, tied-units (through residual links), low-rank or nothing (default: each)"),
    WN_OPTION_TEXT(shrink_config, size, "size", "WHAT", "smallest in bytes, parameters or flops (default: bytes)"),
    WN_OPTION_TEXT(shrink_config, experiment, "experiment", "NAME",
                   "look labels up among the stages of this experiment (default: the whole store)"),
    WN_OPTION_TEXT(shrink_config, out, "out", "DIR", "store (default: winnow-runs)"),
    WN_OPTION_LIST(shrink_config, set, "set", "KEY=VALUE",
                   "change what the files say of themselves: data.validation=last-2000; may be repeated"),
    WN_OPTION_TEXT(shrink_config, data_folder, "data-dir", "DIR",
                   "where data sets lie (default: $WINNOW_DATA, else ~/.local/share/winnow)"),
    WN_OPTION_CPUS(shrink_config, threads, "threads", "(default: all CPUs)"),
    {0}};

/* Percent, or four digits. */
static char *shown(const wn_shrink_result *r, double value, char *buffer, size_t size)
{
    snprintf(buffer, size, r->hold.percent ? "%.2f" : "%.4g", r->hold.percent ? 100 * value : value);
    return buffer;
}

static void print_rows(wn__answer *answer, const wn_shrink_result *r)
{
    char title[64], value[32];
    snprintf(title, sizeof title, ">%s%s", r->hold.title, r->hold.percent ? " %" : "");
    wn__columns c = WN_COLUMNS({"network", "network"}, {"by", "by"}, {"part", ">part %"}, {"value", title}, {"parameters", ">parameters"},
                               {"flops", ">FLOPs"}, {"bytes", ">bytes (est.)"}, {"holds", ""});
    for (int i = 0; i < r->rows; i++) {
        const wn_shrink_row *row = &r->row[i];
        wn__columns_text(&c, row->network);
        wn__columns_text(&c, row->by);
        wn__columns_real(&c, row->part, "%.2f", 100 * row->part);
        wn__columns_real(&c, row->value, "%s", shown(r, row->value, value, sizeof value));
        wn__columns_count(&c, row->parameters);
        wn__columns_count(&c, row->flops);
        wn__columns_bytes(&c, row->bytes);
        wn__columns_yes(&c, row->holds, i == r->chosen ? "smallest that holds" : row->holds ? "holds" : "");
    }
    wn__answer_table(answer, "networks", &c);
}

static void print_result(wn__answer *answer, const wn_shrink_result *r)
{
    char a[32], b[32];
    const char *unit = r->hold.percent ? " %" : "";
    const wn_shrink_row *row = &r->row[r->chosen];
    wn__answer_print(answer, "\nat %s            %s%s of %lld validation images\n", r->hold.less_is_better ? "most " : "least",
                     shown(r, r->hold.value, a, sizeof a), unit, (long long)r->images);
    wn__answer_print(answer, "chosen              %s, %s%s (before %s%s)\n", row->network, shown(r, row->value, a, sizeof a), unit,
                     shown(r, r->value, b, sizeof b), unit);
    wn__answer_print(answer, "parameters          %s of %s\n", wn_show_count(row->parameters, a, sizeof a),
                     wn_show_count(r->parameters, b, sizeof b));
    wn__answer_print(answer, "FLOPs per image     %s of %s (2 per multiply-add)\n", wn_show_count(row->flops, a, sizeof a),
                     wn_show_count(r->flops, b, sizeof b));
    wn__answer_print(answer, "%d images%*s%.3f ms, before %.3f ms: %.2f times as fast\n", r->batch, r->batch < 100 ? 11 : 10, "",
                     r->milliseconds, r->milliseconds_before, r->milliseconds_before / r->milliseconds);
    wn__answer_print(answer, "made smaller alone  logits differ by %.1e of the largest at most\n", r->difference);
}

static void put_result(wn__answer *answer, const wn_shrink_result *r)
{
    wn__answer_text(answer, "metric", r->hold.name);
    wn__answer_real(answer, "hold", r->hold.value);
    wn__answer_whole(answer, "images", r->images);
    wn__answer_whole(answer, "chosen", r->chosen);
    wn__answer_open(answer, "before", '{');
    wn__answer_real(answer, "value", r->value);
    wn__answer_whole(answer, "parameters", r->parameters);
    wn__answer_whole(answer, "flops", r->flops);
    wn__answer_whole(answer, "bytes", r->bytes);
    wn__answer_real(answer, "milliseconds", r->milliseconds_before);
    wn__answer_close(answer);
    wn__answer_whole(answer, "batch", r->batch);
    wn__answer_real(answer, "milliseconds", r->milliseconds);
    wn__answer_real(answer, "difference", r->difference);
}

static void print_files(const wn__call *call, const char *name)
{
    char path[4096];
    wn__answer_print(call->answer, "network             %s.yaml\n", name);
    snprintf(path, sizeof path, "%s.safetensors", name);
    wn__print_written(call, &(wn__written){.width = 20, .label = "written", .path = path});
}

static int run_shrink(const wn__call *call)
{
    const shrink_config *config = call->config;
    const char *hold = config->hold ? config->hold : config->min_accuracy;
    if (!hold) return wn__wrong_usage(call, "--hold is needed: 88%% or 0.88");
    const wn__lab_config lab = {.set = config->set,
                                .out = config->out,
                                .experiment = config->experiment,
                                .data_folder = config->data_folder,
                                .threads = config->threads};
    const wn_lab_options lab_options = wn__lab_options_of(call, &lab);
    const wn_shrink_options options = {.size = sizeof options,
                                       .networks = &lab_options,
                                       .hold = hold,
                                       .by = config->by,
                                       .smallest = config->size,
                                       .result = config->result ? config->result : "shrunk"};
    wn_shrink_result result = {0};
    const wn_status status = wn_shrink(&options, &result);
    wn__console_clear(call->console);
    if (status == WN_OK) {
        print_rows(call->answer, &result);
        print_result(call->answer, &result);
        put_result(call->answer, &result);
        print_files(call, options.result);
    }
    wn_shrink_result_release(&result);
    return wn__finish(call, status);
}

const wn__command wn__command_shrink = {
    .name = "shrink",
    .arguments = "NETWORK...",
    .summary = "Find the smallest network that holds an accuracy, or another headline, on the validation images, and write it",
    .details = WN_LAB_NETWORKS
    "\n\nChannels that do nothing are removed and layers of low rank split in two, so that the network is smaller in fact. Then whole units, or "
    "directions of small singular values, are pruned as far as the headline holds, without training. What is written is read by all commands.",
    .options = shrink_options,
    .config_size = sizeof(shrink_config),
    .least = 1,
    .most = -1,
    .prints = WN__PRINTS_TABLE,
    .run = run_shrink,
};
