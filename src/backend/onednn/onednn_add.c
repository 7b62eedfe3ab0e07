/* out = [relu](in[0] [+ in[1]]): an addition, or a ReLU that nothing precedes. */
#include "backend/onednn/onednn.h"
#include "base/fail.h"

static wn_status forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const int64_t size = wn__onednn_in_size(d), at = first * size;
    wn__onednn_of(op)->kernels->add(n * size, wn__op_ceiling(d), wn__onednn_at_const(op, args->in[0], at),
                                    d->inputs == 2 ? wn__onednn_at_const(op, args->in[1], at) : NULL, wn__onednn_at(op, args->out, at));
    return WN_OK;
}

static wn_status backward_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    for (int i = 0; i < op->desc.inputs; i++)
        wn__onednn_copy(op, args->dout[0], args->din[i], wn__onednn_in_size(&op->desc), first, n);
    return WN_OK;
}

static const wn__op_class add_class = {
    .run = {[WN__FORWARD] = forward, [WN__BACKWARD_PREPARE] = wn__onednn_prepare_gradient, [WN__BACKWARD_DATA] = backward_data},
    .release = wn__op_free,
};

wn_status wn__onednn_add(wn__onednn *device, const wn__op_desc *desc, wn__op **out)
{
    WN_TRY(wn__op_new(&device->base, desc, sizeof **out, &add_class, "nhwc", out));
    (*out)->backward_needs_out = desc->relu;
    return WN_OK;
}
