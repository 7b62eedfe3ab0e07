/* A weights file, whole: opened as a network, looked at, run, pruned. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "winnow/network.h"

enum { MOST = 1 << 16 }; /* numbers of a network that is run */

static void run(wn_network *net, const wn_network_info *info)
{
    const size_t in = (size_t)(info->channels * info->height * info->width), out = (size_t)info->outputs;
    float *x = calloc(2 * in, sizeof *x), *y = calloc(2 * out, sizeof *y);
    if (x && y && in < MOST && info->parameters < MOST && wn_network_predict(net, x, 2, y) == WN_OK) {
        const wn_network_prune_options half = {.size = sizeof half, .sparsity = "50%"};
        if (wn_network_prune(net, &half) == WN_OK) (void)!wn_network_predict(net, x, 1, y);
    }
    free(x);
    free(y);
}

static void read_all(wn_network *net, const wn_network_info *info)
{
    for (int i = 0; i < info->tensors; i++) {
        wn_network_tensor t = {.size = sizeof t};
        int index;
        if (wn_network_tensor_at(net, i, &t) != WN_OK || wn_network_find(net, t.name, &index) != WN_OK || index != i) abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const wn_network_options options = {.size = sizeof options, .threads = 1, .backend = "ref", .batch = 2};
    wn_network_info info = {.size = sizeof info};
    wn_network *net;
    if (wn_network_open_memory(data, size, &options, &net) != WN_OK) return 0;
    if (wn_network_look(net, &info) != WN_OK) abort();
    read_all(net, &info);
    run(net, &info);
    wn_network_close(net);
    return 0;
}
