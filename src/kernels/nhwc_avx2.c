#define WN_LANES 8
#define WN_BF16 0
#define WN_TABLE wn__nhwc_f32__avx2
#include "kernels/nhwc.tmpl.h"
#define WN_BF16 1
#define WN_TABLE wn__nhwc_bf16__avx2
#include "kernels/nhwc.tmpl.h"
