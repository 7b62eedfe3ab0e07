/* Files of names, a zero byte, and a weights file of another program: renamed, compared with the networks there are, told what does not fit. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "io/tensor_names.h"
#include "network/likeness.h"
#include "network/network_file.h"
#include "network/weights_file.h"

static void read_network(const wn__safetensors *file, const wn__likeness *likeness)
{
    wn_graph *graph;
    wn__params params = {0};
    const wn__model_input small = {likeness->input.c, 32, 32, likeness->input.classes > 10 ? 10 : likeness->input.classes};
    if (!likeness->model || likeness->model->parameters > 1000000 || wn__model_build(likeness->model, NULL, small, &graph) != WN_OK) return;
    if (wn__graph_make_params(graph, &params) == WN_OK) (void)!wn__network_read(file, WN__PART_VALUES | WN__PART_MASKS, NULL, &params);
    wn__params_release(&params);
    wn_graph_free(graph);
}

static void look(wn__safetensors *file)
{
    wn__likeness likeness;
    wn__text text = {0};
    if (wn__likeness_find(file, &likeness) == WN_OK) {
        if (wn__likeness_show(file, &likeness, &text) != WN_OK || text.failed) abort();
        read_network(file, &likeness);
    }
    for (int i = 0; i < wn__safetensors_count(file); i++)
        if (!wn__safetensors_find(file, wn__safetensors_at(file, i)->name)) abort();
    wn__text_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wn__safetensors *file;
    const size_t length = strnlen((const char *)data, size), begin = length < size ? length + 1 : size;
    char *names = calloc(length + 1, 1);
    if (names && wn__weights_parse_packed("input", data + begin, size - begin, NULL, &file) == WN_OK) {
        memcpy(names, data, length);
        if (wn__safetensors_expand(file) == WN_OK && wn__tensor_names_map_text("input", "names", names, file) == WN_OK) look(file);
        wn__safetensors_close(file);
    }
    free(names);
    return 0;
}
