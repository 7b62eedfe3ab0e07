#include <math.h>
#include <string.h>

#include "columns.h"
#include "command.h"
#include "score.h"
#include "winnow/experiment.h"

typedef struct eval_config {
    wn__texts set;
    const char *part, *data_folder, *data, *names;
    int64_t threads;
} eval_config;

static const wn__option eval_options[] = {
    WN_OPTION_LIST(eval_config, set, "set", "KEY=VALUE",
                   "change what the file says of itself: data.set=cifar10, model.arch=resnet20, backend=ref; may be repeated"),
    WN_OPTION_TEXT(eval_config, part, "part", "PART", "test (default), validation or train"),
    WN_OPTION_TEXT(eval_config, data, "data", "PATH",
                   "your own data instead: a folder of class folders of pictures, or a list of pictures"),
    WN_OPTION_TEXT(eval_config, data_folder, "data-dir", "DIR", "where data sets lie (default: $WINNOW_DATA, else ~/.local/share/winnow)"),
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

static void print_classes(const wn_evaluation *e)
{
    wn__columns table = WN_COLUMNS(">class", "name", ">accuracy", ">images");
    for (int i = 0; i < e->classes; i++) {
        wn__columns_add(&table, "%d", i);
        wn__columns_add(&table, "%s", e->class_names ? e->class_names[i] : "");
        if (isnan(e->class_accuracy[i]))
            wn__columns_add(&table, "-");
        else
            wn__columns_add(&table, "%.4f", e->class_accuracy[i]);
        wn__columns_add(&table, "%lld", (long long)images_of_class(e, i));
    }
    wn__columns_print(&table);
}

static void print_confusion(const wn_evaluation *e)
{
    puts("confusion: a row per true class, a column per predicted class");
    printf("%5s", "");
    for (int predicted = 0; predicted < e->classes; predicted++)
        printf(" %5d", predicted);
    putchar('\n');
    for (int class = 0; class < e->classes; class ++) {
        printf("%5d", class);
        for (int predicted = 0; predicted < e->classes; predicted++)
            printf(" %5lld", (long long)e->confusion[class * e->classes + predicted]);
        putchar('\n');
    }
}

static void print_scores(const wn_evaluation *e)
{
    char value[32];
    int width = 10;
    for (int i = 0; i < e->scores; i++)
        if ((int)strlen(e->score[i].title) > width) width = (int)strlen(e->score[i].title);
    for (int i = 0; i < e->scores; i++) {
        const wn_score *s = &e->score[i];
        printf("%-*s  %s", width, s->title, wn__show_score(s, value, sizeof value));
        if (s->counted) printf(" (%lld of %lld)", llround(s->value * (double)e->count), (long long)e->count);
        putchar('\n');
    }
}

static int run_eval(const wn__call *call)
{
    const eval_config *config = call->config;
    const wn_eval_options options = {
        .size = sizeof options,
        .weights = call->arguments[0],
        .set = config->set.items,
        .sets = config->set.count,
        .part = config->part,
        .data_folder = config->data_folder,
        .data = config->data,
        .names = config->names,
        .threads = (int)config->threads,
    };
    wn_evaluation e = {0};
    const wn_status status = wn_eval(&options, &e);
    if (status == WN_OK) {
        print_scores(&e);
        if (e.confusion) {
            putchar('\n');
            print_classes(&e);
            putchar('\n');
            print_confusion(&e);
        }
    }
    wn_evaluation_release(&e);
    return wn__finish(call, status);
}

const wn__command wn__command_eval = {
    .name = "eval",
    .arguments = "WEIGHTS",
    .summary = "Evaluate a weights file: all metrics of its data; of classes accuracy per class and confusion matrix",
    .options = eval_options,
    .config_size = sizeof(eval_config),
    .least = 1,
    .most = 1,
    .run = run_eval,
};
