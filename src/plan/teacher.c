#include "plan/teacher.h"

#include "base/fail.h"
#include "models/named.h"
#include "network/misfit.h"
#include "network/weights_file.h"

wn_status wn__teacher_graph(const wn__recipe *r, const wn__teacher_file *teacher, wn_graph **out)
{
    const wn__named_model named = {.name = teacher->arch, .input = wn__recipe_input(r)};
    *out = NULL;
    return teacher->arch[0] ? wn__named_model_build(&named, out) : WN_OK;
}

wn_status wn__teacher_flops(const wn__recipe *r, const wn__teacher_files *files, int64_t *flops)
{
    *flops = 0;
    for (int i = 0; i < files->count; i++) {
        wn_graph *graph;
        WN_TRY(wn__teacher_graph(r, &files->file[i], &graph));
        *flops += wn_graph_forward_flops(graph ? graph : r->graph);
        wn_graph_free(graph);
    }
    return WN_OK;
}

static wn_status check_file(const wn__recipe *r, const wn__teacher_file *teacher)
{
    wn__safetensors *file;
    wn_graph *graph;
    WN_TRY(wn__teacher_graph(r, teacher, &graph));
    wn_status status = wn__weights_open(teacher->file, teacher->names, &file);
    if (status == WN_OK) {
        status = wn__weights_fit(teacher->file, file, graph ? graph : r->graph, NULL);
        wn__safetensors_close(file);
    }
    wn_graph_free(graph);
    return status;
}

wn_status wn__teacher_check(const wn__recipe *r, const wn__teacher_files *files)
{
    for (int i = 0; i < files->count; i++)
        WN_TRY(check_file(r, &files->file[i]));
    return WN_OK;
}
