/* out = [relu](in[0] [+ in[1]]): an addition, or a ReLU that nothing precedes. */
#include "backend/ref/ref.h"

static wn_status check(const wn__op_desc *d) { return wn__ref_check_same_shape(d, "add"); }

static wn_status forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const float *a = args->in[0], *b = args->in[1];
    float *out = args->out;
    const int64_t begin = first * wn__ref_in_size(d), end = begin + n * wn__ref_in_size(d);
    for (int64_t i = begin; i < end; i++) {
        const float sum = d->inputs == 2 ? a[i] + b[i] : a[i];
        out[i] = wn__ref_relu(d, sum);
    }
    return WN_OK;
}

static wn_status tangent_forward(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    const wn__op_desc *d = &op->desc;
    const float *a = args->t_in[0], *b = d->inputs == 2 ? args->t_in[1] : NULL, *out = args->out;
    float *t_out = args->t_out;
    const int64_t begin = first * wn__ref_in_size(d), end = begin + n * wn__ref_in_size(d);
    for (int64_t i = begin; i < end; i++) {
        const float sum = (a ? a[i] : 0) + (b ? b[i] : 0);
        t_out[i] = wn__ref_relu_mask(d, out[i], sum);
    }
    return WN_OK;
}

static wn_status backward_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    for (int i = 0; i < op->desc.inputs; i++)
        wn__ref_copy_images(&op->desc, args->dout[0], args->din[i], first, n);
    return WN_OK;
}

static wn_status tangent_data(wn__op *op, const wn__op_args *args, int64_t first, int64_t n)
{
    for (int i = 0; i < op->desc.inputs; i++)
        wn__ref_copy_images(&op->desc, args->t_dout[0], args->t_din[i], first, n);
    return WN_OK;
}

const wn__ref_kind wn__ref_add = {
    .check = check,
    .cls =
        {
            .run =
                {
                    [WN__FORWARD] = forward,
                    [WN__BACKWARD_PREPARE] = wn__ref_backward_prepare,
                    [WN__BACKWARD_DATA] = backward_data,
                    [WN__TANGENT_FORWARD] = tangent_forward,
                    [WN__TANGENT_PREPARE] = wn__ref_tangent_prepare,
                    [WN__TANGENT_DATA] = tangent_data,
                },
            .release = wn__ref_release,
        },
};
