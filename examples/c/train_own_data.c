/* Train on data of your own, here signals: which of four waves is it, under noise? Dense, and sparse from the start by RigL at 90 and 98 %.
 *
 *     train_own_data runs
 *
 * Results are kept in the folder `runs`: a second call finds them there, and one that was cut off goes on.
 *
 * cc train_own_data.c -o train_own_data $(pkg-config --cflags --libs winnow) -lm */
#include <math.h>
#include <stdio.h>
#include <winnow/experiment.h>
#include <winnow/report.h>
#include <winnow/source.h>

enum { LENGTH = 128, KINDS = 4 };
static const char *const kinds[KINDS] = {"sine", "square", "triangle", "sawtooth"};

/* In [0, 1), the same whenever it is asked for: samples are read in any order, by several threads, again and again. */
static double draw(uint64_t sample, uint64_t what)
{
    uint64_t x = (sample << 8 | what) * 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (double)((x ^ x >> 31) >> 11) / 9007199254740992.0;
}

static double wave(int kind, double turns)
{
    const double t = turns - floor(turns);
    if (kind == 0) return sin(6.283185307179586 * t);
    if (kind == 1) return t < 0.5 ? 1 : -1;
    return kind == 2 ? 4 * fabs(t - 0.5) - 1 : 2 * t - 1;
}

static int read_wave(void *user, const wn_source_sample *s)
{
    const double *loudness = user;
    const uint64_t sample = 2 * (uint64_t)s->index + s->part;
    const int kind = (int)(KINDS * draw(sample, 0));
    const double length = 20 + 40 * draw(sample, 1), start = draw(sample, 2);
    float *x = s->input;                  /* NULL where the target alone is wanted */
    for (int i = 0; x && i < LENGTH; i++) /* the noise is even, from -loudness to loudness */
        x[i] = (float)(wave(kind, start + i / length) + *loudness * (2 * draw(sample, 3 + (uint64_t)i) - 1));
    *(int32_t *)s->target = kind;
    return 0;
}

static int fail(void) { return fprintf(stderr, "%s\n", wn_error_message()), 1; }

int main(int argc, char **argv)
{
    double loudness = 1;
    const wn_source waves = {.size = sizeof waves, .name = "waves", .version = "1, loudness 1", .class_names = kinds,
                             .input = WN_INPUT_FLOATS, .channels = 1, .height = 1, .width = LENGTH,
                             .target = WN_TARGET_CLASS, .outputs = KINDS, .train_count = 11000, .test_count = 2000,
                             .read = read_wave, .user = &loudness};
    static const char *const recipe[] = {
        "name=waves",
        "data={set: waves, validation: last-1000}",
        "model={arch: lenet-300-100}",
        "train={epochs: 12, batch: 100, optimizer: {sgd: {momentum: 0.9}}, lr: {cosine: {base: 0.02}}}",
        "compare={methods: [dense, rigl], sparsity: [90%, 98%], seeds: 0}",
    };
    const wn_run_options options = {
        .size = sizeof options, .set = recipe, .sets = sizeof recipe / sizeof *recipe, .out = argc > 1 ? argv[1] : "runs"};
    wn_run_summary summary;
    char *table;
    if (wn_source_register(&waves) != WN_OK || wn_experiment_run(&options, &summary) != WN_OK) return fail();
    printf("%d stages, %d of them done before, in %s\n\n", summary.stages, summary.done_before, summary.folder);
    if (wn_report_text(summary.folder, WN_REPORT_SUMMARY, NULL, &table) != WN_OK) return fail();
    fputs(table, stdout);
    wn_text_free(table);
    return wn_source_unregister("waves") == WN_OK ? 0 : fail();
}
