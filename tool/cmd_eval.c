#include <math.h>
#include <string.h>

#include "command.h"
#include "names.h"
#include "score.h"
#include "winnow/experiment.h"

typedef struct eval_config {
    wn__texts set;
    const char *experiment, *part, *data_folder, *data, *names;
    int64_t threads;
} eval_config;

static const wn__option eval_options[] = {
    WN_OPTION_LIST(eval_config, set, "set", "KEY=VALUE",
                   "change what the file says of itself: data.set=cifar10, model.arch=resnet20, backend=ref; may be repeated"),
    WN_OPTION_TEXT(eval_config, part, "part", "PART", "test (default), validation or train"),
    WN_OPTION_TEXT(eval_config, data, "data", "PATH",
                   "your own data instead: a folder of class folders of pictures, or a list of pictures"),
    WN_OPTION_TEXT(eval_config, data_folder, "data-dir", "DIR", "where data sets lie (default: $WINNOW_DATA, else ~/.local/share/winnow)"),
    WN_OPTION_EXPERIMENT(eval_config, experiment),
    WN_OPTION_TEXT(eval_config, names, "names", "FILE", "rename its tensors: lines as \"linear.* fc.*\", a pattern and its replacement"),
    WN_OPTION_CPUS(eval_config, threads, "threads", "(default: all CPUs)"),
    {0}};

static int64_t images_of_class(const wn_evaluation *e, int class)
{
    int64_t images = 0;
    for (int predicted = 0; predicted < e->classes; predicted++)
        images += e->confusion[class * e->classes + predicted];
    return images;
}

static void print_classes(wn__answer *answer, const wn_evaluation *e)
{
    wn__columns table = WN_COLUMNS({"class", ">class"}, {"name", "name"}, {"accuracy", ">accuracy"}, {"images", ">images"});
    for (int i = 0; i < e->classes; i++) {
        wn__columns_whole(&table, i);
        wn__columns_text(&table, e->class_names ? e->class_names[i] : NULL);
        wn__columns_real(&table, e->class_accuracy[i], "%.4f", e->class_accuracy[i]);
        wn__columns_whole(&table, images_of_class(e, i));
    }
    wn__answer_print(answer, "\n");
    wn__answer_table(answer, "classes", &table);
}

static void print_confusion(wn__answer *answer, const wn_evaluation *e)
{
    wn__answer_print(answer, "\nconfusion: a row per true class, a column per predicted class\n%5s", "");
    for (int predicted = 0; predicted < e->classes; predicted++)
        wn__answer_print(answer, " %5d", predicted);
    wn__answer_print(answer, "\n");
    wn__answer_open(answer, "confusion", '[');
    for (int class = 0; class < e->classes; class ++) {
        wn__answer_print(answer, "%5d", class);
        wn__answer_open(answer, NULL, '[');
        for (int predicted = 0; predicted < e->classes; predicted++) {
            const int64_t images = e->confusion[class * e->classes + predicted];
            wn__answer_print(answer, " %5lld", (long long)images);
            wn__answer_whole(answer, NULL, images);
        }
        wn__answer_close(answer);
        wn__answer_print(answer, "\n");
    }
    wn__answer_close(answer);
}

/* A line per metric. */
static void print_csv(wn__answer *answer, const wn_evaluation *e)
{
    wn__columns table = WN_COLUMNS({"metric", NULL}, {"value", NULL}, {"samples", NULL});
    for (int i = 0; i < e->scores; i++) {
        wn__columns_text(&table, e->score[i].name);
        wn__columns_real(&table, e->score[i].value, "%g", e->score[i].value);
        wn__columns_whole(&table, e->count);
    }
    wn__answer_table(answer, NULL, &table);
}

static void print_scores(wn__answer *answer, const wn_evaluation *e)
{
    char value[32];
    int width = 10;
    for (int i = 0; i < e->scores; i++)
        if ((int)strlen(e->score[i].title) > width) width = (int)strlen(e->score[i].title);
    for (int i = 0; i < e->scores; i++) {
        const wn_score *s = &e->score[i];
        wn__answer_real(answer, s->name, s->value);
        wn__answer_print(answer, "%-*s  %s", width, s->title, wn__show_score(s, value, sizeof value));
        if (s->counted) wn__answer_print(answer, " (%lld of %lld)", llround(s->value * (double)e->count), (long long)e->count);
        wn__answer_print(answer, "\n");
    }
    wn__answer_whole(answer, "samples", e->count);
}

static int run_eval(const wn__call *call)
{
    const eval_config *config = call->config;
    char path[WN__PATH];
    wn_status status = wn_store_weights(NULL, config->experiment, call->arguments[0], path, sizeof path);
    if (status != WN_OK) return wn__finish(call, status);
    const wn_eval_options options = {
        .size = sizeof options,
        .weights = path,
        .set = config->set.items,
        .sets = config->set.count,
        .part = config->part,
        .data_folder = config->data_folder,
        .data = config->data,
        .names = config->names,
        .threads = (int)config->threads,
    };
    wn_evaluation e = {0};
    status = wn_eval(&options, &e);
    const bool csv = wn__answer_format_of(call->answer) == WN__ANSWER_CSV;
    if (status == WN_OK && csv) print_csv(call->answer, &e);
    if (status == WN_OK && !csv) print_scores(call->answer, &e);
    if (status == WN_OK && !csv && e.confusion) {
        print_classes(call->answer, &e);
        print_confusion(call->answer, &e);
    }
    wn_evaluation_release(&e);
    return wn__finish(call, status);
}

const wn__command wn__command_eval = {
    .name = "eval",
    .arguments = "NETWORK",
    .summary = "Evaluate a network: all metrics of its data; of classes accuracy per class and confusion matrix",
    .details = WN_NETWORK_NAMES "\n--csv prints a line per metric; --json has classes and confusion matrix as well.",
    .options = eval_options,
    .config_size = sizeof(eval_config),
    .least = 1,
    .most = 1,
    .prints = WN__PRINTS_TABLE,
    .run = run_eval,
};
