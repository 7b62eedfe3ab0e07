/* Safetensors as other programs read them: every tensor in its shape, zeros included. Without masks these are the tensors of the network and no others, so that PyTorch
 * loads them with strict=True; with masks the file is what a compressed one stands for. */
#include "base/fail.h"
#include "exchange/format.h"
#include "tensor/compression.h"

static wn_status write(const wn__exported *network, const wn__params *params, const char *path)
{
    wn__st_writer *w;
    WN_TRY(wn__st_writer_new(&w));
    wn_status status = network->add(network->handle, params, w);
    if (status == WN_OK) status = wn__st_writer_write(w, path);
    wn__st_writer_free(w);
    return status;
}

static wn_status write_dense(const wn__exported *network, const wn__export_how *how, const char *path)
{
    wn__params plain = {0};
    if (how->masks) return write(network, network->params, path);
    wn_status status = wn__graph_make_params(network->graph, &plain);
    for (int i = 0; status == WN_OK && i < plain.count; i++)
        status = wn__param_weight(&network->params->item[i], plain.item[i].value);
    if (status == WN_OK) status = write(network, &plain, path);
    wn__params_release(&plain);
    return status;
}

const wn__export_format wn__format_dense = {
    .name = "dense",
    .summary = "safetensors with every weight, which PyTorch loads",
    .takes = WN__EXPORT_MASKS,
    .write = write_dense,
};
