#include "exchange/dense.h"

#include "base/fail.h"
#include "tensor/compression.h"

typedef struct job {
    const wn__exported *network;
    const wn__export_how *how;
    const char *path;
    wn_status (*write)(wn__st_writer *w, const char *path);
} job;

static wn_status write_params(const job *j, const wn__params *params)
{
    const wn__exported *n = j->network;
    wn__st_writer *w;
    wn__st_dtype values;
    WN_TRY(wn__export_values(j->how->values, &values));
    WN_TRY(wn__st_writer_new(&w));
    wn_status status = n->add(n->handle, n->graph, params, values, w);
    if (status == WN_OK) status = j->write(w, j->path);
    wn__st_writer_free(w);
    return status;
}

wn_status wn__dense_write(const wn__exported *network, const wn__export_how *how, const char *path,
                          wn_status (*write)(wn__st_writer *w, const char *path))
{
    const job j = {network, how, path, write};
    wn__params plain = {0};
    if (how->masks) return write_params(&j, network->params);
    wn_status status = wn__graph_make_params(network->graph, &plain);
    for (int i = 0; status == WN_OK && i < plain.count; i++)
        status = wn__param_weight(&network->params->item[i], plain.item[i].value);
    if (status == WN_OK) status = write_params(&j, &plain);
    wn__params_release(&plain);
    return status;
}
