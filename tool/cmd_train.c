#include <math.h>
#include <string.h>

#include "command.h"
#include "score.h"
#include "stop.h"
#include "winnow/experiment.h"
#include "winnow/show.h"
#include "written.h"

typedef struct train_config {
    wn__texts set;
    const char *out, *data_folder, *data, *weights;
    int64_t seed, threads, checkpoint_every;
} train_config;

static const wn__option train_options[] = {
    WN_OPTION_LIST(train_config, set, "set", "KEY=VALUE", "change the recipe: model.arch=resnet20, data.set=cifar10; may be repeated"),
    WN_OPTION_TEXT(train_config, weights, "weights", "FILE", "start from a trained network: model.weights of the recipe"),
    WN_OPTION_SEED(train_config, seed, "of the start weights and of the data's order (default: 0)"),
    WN_OPTION_TEXT(train_config, out, "out", "DIR", "folder of the run (default: winnow-train)"),
    WN_OPTION_TEXT(train_config, data, "data", "PATH",
                   "your own data instead: a folder of class folders of pictures, or a list of pictures"),
    WN_OPTION_TEXT(train_config, data_folder, "data-dir", "DIR", "where data sets lie (default: $WINNOW_DATA, else ~/.local/share/winnow)"),
    WN_OPTION_CPUS(train_config, threads, "threads", "(default: the recipe's, else all CPUs)"),
    WN_OPTION_NUMBER(train_config, checkpoint_every, "checkpoint-every", "SECONDS",
                     "time between two checkpoints of a training (default: 60)"),
    {0}};

static void print_score(wn__answer *answer, const char *part, const wn_score *s)
{
    char name[64], value[32];
    snprintf(name, sizeof name, "%s %s", part, s->title);
    wn__answer_print(answer, "%-19s  %s\n", name, wn__show_score(s, value, sizeof value));
    snprintf(name, sizeof name, "%s_%s", part, s->name);
    wn__answer_real(answer, name, s->value);
}

static void print_training(const wn__call *call, const wn_train_summary *summary)
{
    wn__answer *answer = call->answer;
    char count[32], took[32];
    print_score(answer, "test", &summary->test);
    if (strcmp(summary->test.name, "loss") != 0) {
        wn__answer_print(answer, "test loss            %.4f\n", summary->test_loss);
        wn__answer_real(answer, "test_loss", summary->test_loss);
    }
    if (!isnan(summary->validation.value)) print_score(answer, "validation", &summary->validation);
    wn__answer_print(answer, "parameters           %s\n", wn_show_count(summary->parameters, count, sizeof count));
    wn__answer_print(answer, "steps                %s\n", wn_show_count(summary->steps, count, sizeof count));
    wn__answer_print(answer, "time                 %s\n", wn_show_seconds(summary->seconds, took, sizeof took));
    wn__answer_whole(answer, "parameters", summary->parameters);
    wn__answer_whole(answer, "steps", summary->steps);
    wn__answer_real(answer, "seconds", summary->seconds);
    wn__print_written(call, &(wn__written){.width = 21, .label = "weights", .path = summary->weights});
}

static int run_train(const wn__call *call)
{
    const train_config *config = call->config;
    const wn_run_options options = {
        .size = sizeof options,
        .recipe = call->count > 0 ? call->arguments[0] : NULL,
        .set = config->set.items,
        .sets = config->set.count,
        .data_folder = config->data_folder,
        .data = config->data,
        .weights = config->weights,
        .threads = (int)config->threads,
        .checkpoint_seconds = config->checkpoint_every,
        .progress = wn__console_progress,
        .user = call->console,
    };
    wn_train_summary summary;
    wn__stop_on_signals();
    const wn_status status = wn_train(&options, (uint64_t)config->seed, config->out ? config->out : "winnow-train", &summary);
    wn__console_clear(call->console);
    if (status == WN_OK) print_training(call, &summary);
    return wn__finish(call, status);
}

const wn__command wn__command_train = {
    .name = "train",
    .arguments = "[RECIPE]",
    .summary = "Train one dense network",
    .details =
        "Of a recipe only data, model, train, methods.dense and backend count; without one, --set says everything. A training that was\n"
        "cut off is continued by the same command.",
    .options = train_options,
    .config_size = sizeof(train_config),
    .most = 1,
    .prints = WN__PRINTS_JSON,
    .run = run_train,
};
