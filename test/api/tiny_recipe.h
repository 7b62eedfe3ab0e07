/* The smallest recipe with an answer, for tests of how the library behaves: trained, pruned and trained again in a fraction of a second. */
#ifndef WN_TEST_TINY_RECIPE_H
#define WN_TEST_TINY_RECIPE_H

#include "scratch_folder.h"
#include "winnow/experiment.h"

static inline const char *tiny_file(const char *name, const char *text)
{
    const char *path = scratch_path(name);
    CHECK_OK(wn__file_write(path, text, strlen(text)));
    return path;
}

static inline const char *tiny_network(void)
{
    return tiny_file("tiny-net.yaml", "name: tiny\n"
                                      "nodes:\n"
                                      "  - conv: {name: conv1, out: 4, kernel: 3, stride: 2, pad: 1}\n"
                                      "  - batch_norm: {name: bn1}\n"
                                      "  - relu\n"
                                      "  - global_pool\n"
                                      "  - linear: {name: fc, out: classes}\n");
}

/* `more`: further lines of YAML. */
static inline const char *tiny_recipe(const char *name, const char *more)
{
    char text[2048];
    snprintf(text, sizeof text,
             "name: %.40s\n"
             "data: {set: shapes, train: 64, test: 40, validation: last-24}\n"
             "model: {arch: %s}\n"
             "train: {epochs: 2, batch: 16, optimizer: {sgd: {momentum: 0.9}}, lr: {cosine: {base: 0.05}}}\n"
             "backend: ref\n"
             "threads: 1\n"
             "compare: {methods: [dense, lottery-ticket], sparsity: [0%%, 62.5%%], seeds: 0}\n"
             "%s",
             name, tiny_network(), more);
    char file[64];
    snprintf(file, sizeof file, "%.40s.yaml", name);
    return tiny_file(file, text);
}

#endif
