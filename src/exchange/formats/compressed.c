/* Winnow's own files: safetensors whose masked tensors take what is active alone (io/compressed_tensors.h). */
#include "base/fail.h"
#include "exchange/format.h"

static wn_status write_compressed(const wn__exported *network, const wn__export_how *how, const char *path)
{
    wn__st_writer *w;
    wn__st_dtype values;
    WN_TRY(wn__export_values(how->values, &values));
    WN_TRY(wn__st_writer_new(&w));
    wn_status status = network->add(network->handle, network->graph, network->params, values, w);
    wn__st_writer_compress(w);
    if (status == WN_OK) status = wn__st_writer_write(w, path);
    wn__st_writer_free(w);
    return status;
}

const wn__export_format wn__format_compressed = {
    .name = "compressed",
    .summary = "Winnow's own: safetensors with the active weights alone",
    .takes = WN__EXPORT_VALUES,
    .write = write_compressed,
};
