/* out = [relu](in[0] [+ in[1]]): an addition, or a ReLU that nothing precedes. */
#include "backend/sparse/sparse_device.h"
#include "base/fail.h"

static wn_status forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n, wn__rows rows)
{
    (void)n;
    const wn__op_desc *d = &op->desc;
    const wn__lane_layout a = wn__lane_band(wn__lanes_of_in(d, 0), rows.first, rows.end);
    const wn__lane_layout b = wn__lane_band(wn__lanes_of_in(d, 1), rows.first, rows.end);
    const wn__lane_layout out = wn__lane_band(wn__lanes_of_out(d), rows.first, rows.end);
    wn__sparse_of(op)->kernels->add(wn__op_ceiling(d), &a, wn__lane_block_const(args->in[0], &a, first), &b,
                                    d->inputs == 2 ? wn__lane_block_const(args->in[1], &b, first) : NULL, &out,
                                    wn__lane_block(args->out, &out, first));
    return WN_OK;
}

static wn_status backward_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n, wn__rows rows)
{
    (void)n;
    for (int i = 0; i < op->desc.inputs; i++)
        wn__sparse_pass_gradient(op, args, i, first, rows);
    return WN_OK;
}

static const wn__op_class add_class = {
    .run_rows = {[WN__FORWARD] = forward, [WN__BACKWARD_PREPARE] = wn__sparse_prepare_gradient, [WN__BACKWARD_DATA] = backward_data},
    .release = wn__op_free,
};

wn_status wn__sparse_add(wn__sparse *device, const wn__op_desc *desc, wn__op **out)
{
    WN_TRY(wn__op_new(&device->base, desc, sizeof **out, &add_class, "winnow lanes", out));
    (*out)->backward_needs_out = desc->relu;
    return WN_OK;
}
