/* A state_dict as torch.save writes it: the tensors of the dense form. Masked ones are NAME_orig and NAME_mask with masks, as torch.nn.utils.prune has them. */
#include "base/fail.h"
#include "exchange/dense.h"
#include "io/pytorch_write.h"

static wn_status write_file(wn__st_writer *w, const char *path)
{
    wn__safetensors *file;
    WN_TRY(wn__st_writer_open(w, path, &file));
    const wn_status status = wn__pytorch_write(file, path);
    wn__safetensors_close(file);
    return status;
}

static wn_status write_torch(const wn__exported *network, const wn__export_how *how, const char *path)
{
    return wn__dense_write(network, how, path, write_file);
}

const wn__export_format wn__format_torch = {
    .name = "torch",
    .summary = "a state_dict as torch.save writes it, which torch.load(weights_only=True) reads",
    .takes = WN__EXPORT_MASKS | WN__EXPORT_VALUES,
    .write = write_torch,
};
