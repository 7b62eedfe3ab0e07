/* Pictures of a folder decoded, transformed and normalised by one thread: pictures FOLDER AUGMENT RUNS. Prints one line of JSON a run, with the images a
 * second. bench/compare_pictures.py runs it beside torchvision on Pillow. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "data/loader.h"
#include "recipe/recipe.h"

enum { BATCH = 16 };

static wn_status time_runs(const wn__recipe *r, const wn__dataset *data, int runs)
{
    wn__loader_options o = {.data = data, .batch = BATCH, .order = WN__SAMPLES_SHUFFLED, .transforms = &r->data.transforms};
    wn__loader *l;
    const wn__batch *b;
    WN_TRY(wn__split_make(&data->facts, "none", 0, &o.split));
    WN_TRY(wn__data_section_normalize(&r->data, data, &o.normalize));
    WN_TRY(wn__loader_new(&o, &l));
    wn_status status = WN_OK;
    for (int run = 0; status == WN_OK && run < runs; run++) {
        const double begin = wn__seconds();
        for (int64_t k = 0; status == WN_OK && k < wn__loader_batches(l); k++)
            status = wn__loader_next(l, &b);
        printf("{\"images\": %lld, \"images_per_second\": %.1f}\n", (long long)wn__loader_samples(l),
               (double)wn__loader_samples(l) / (wn__seconds() - begin));
    }
    wn__loader_free(l);
    return status;
}

static wn_status bench(const char *folder, const char *augment, int runs)
{
    char path[4200], list[4200];
    snprintf(path, sizeof path, "data={set: folder, path: \"%s\"}", folder);
    snprintf(list, sizeof list, "data.augment=%s", augment);
    const wn__recipe_source source = {.set = (const char *const[]){path, list}, .sets = 2};
    wn__dataset data = {0};
    wn__recipe *r;
    WN_TRY(wn__recipe_read_parts(&source, &r));
    const wn__data_section *d = &r->data;
    wn_status status = wn__dataset_load(d->type, d->config, NULL, NULL, false, &data);
    wn__data_section_fit(d, &data);
    if (status == WN_OK) status = time_runs(r, &data, runs);
    wn__dataset_release(&data);
    wn__recipe_free(r);
    return status;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: pictures FOLDER AUGMENT RUNS, such as: pictures photos imagenet 3\n");
        return 2;
    }
    if (bench(argv[1], argv[2], atoi(argv[3])) == WN_OK) return 0;
    fprintf(stderr, "%s\n", wn_error_message());
    return 1;
}
