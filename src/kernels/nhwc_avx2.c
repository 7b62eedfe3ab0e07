#define WN__LANES 8
#define WN__F32_TABLE wn__nhwc_f32__avx2
#define WN__BF16_TABLE wn__nhwc_bf16__avx2
#include "kernels/nhwc_isa.tmpl.h"
