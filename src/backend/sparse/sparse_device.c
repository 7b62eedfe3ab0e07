#include "backend/sparse/sparse_device.h"

#include <string.h>

wn_status wn__sparse_prepare_gradient(wn__op *op, const wn__op_args *args, int64_t first, int64_t n, wn__rows rows)
{
    (void)n;
    const wn__lane_layout out = wn__lane_band(wn__lanes_of_out(&op->desc), rows.first, rows.end);
    wn__sparse_of(op)->kernels->add_prepare(wn__op_ceiling(&op->desc), &out,
                                            op->desc.relu ? wn__lane_block_const(args->out, &out, first) : NULL,
                                            wn__lane_block(args->dout[0], &out, first), wn__lane_block(args->dout[1], &out, first));
    return WN_OK;
}

void wn__sparse_pass_gradient(const wn__op *op, const wn__op_args *args, int input, int64_t first, wn__rows rows)
{
    const wn__lane_layout in = wn__lane_band(wn__lanes_of_in(&op->desc, input), rows.first, rows.end);
    const wn__lane_layout out = wn__lane_band(wn__lanes_of_out(&op->desc), rows.first, rows.end);
    if (!args->din[input] || args->din[input] == args->dout[0]) return;
    wn__sparse_of(op)->kernels->add(0, &out, wn__lane_block_const(args->dout[0], &out, first), &out, NULL, &in,
                                    wn__lane_block(args->din[input], &in, first));
}

void wn__sparse_bound_output(const wn__op *op, const wn__op_args *args, int64_t first, wn__rows rows)
{
    const wn__lane_layout band = wn__lane_band(wn__lanes_of_out(&op->desc), rows.first, rows.end);
    float *out = wn__lane_block(args->out, &band, first);
    if (op->desc.relu_most > 0) wn__sparse_of(op)->kernels->add(op->desc.relu_most, &band, out, &band, NULL, &band, out);
}

void wn__sparse_zero_border(const wn__lane_layout *whole, wn__rows rows, float *block)
{
    const wn__lane_layout l = wn__lane_band(*whole, rows.first, rows.end);
    const size_t pixel = WN__LANE * sizeof(float);
    for (int64_t c = 0; l.border && c < l.c; c++) {
        float *row = block + (c * l.plane + l.origin) * WN__LANE;
        memset(row - l.open * WN__LANE, 0, (size_t)l.open * pixel);
        for (int64_t y = 0; y < l.h; y++, row += l.row * WN__LANE)
            memset(row + l.w * WN__LANE, 0, (size_t)(y + 1 < l.h ? 2 * l.border : l.close) * pixel);
    }
}
