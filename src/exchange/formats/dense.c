/* Safetensors as other programs read them. */
#include "exchange/dense.h"

static wn_status write_dense(const wn__exported *network, const wn__export_how *how, const char *path)
{
    return wn__dense_write(network, how, path, wn__st_writer_write);
}

const wn__export_format wn__format_dense = {
    .name = "dense",
    .summary = "safetensors with every weight, which PyTorch loads",
    .takes = WN__EXPORT_MASKS | WN__EXPORT_VALUES,
    .write = write_dense,
};
