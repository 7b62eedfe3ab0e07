#define WN_LANES 16
#define WN_BF16 0
#define WN_TABLE wn__nhwc_f32__avx512
#include "kernels/nhwc.tmpl.h"
#define WN_BF16 1
#define WN_TABLE wn__nhwc_bf16__avx512
#include "kernels/nhwc.tmpl.h"
