#define WN__LANES 16
#define WN__F32_TABLE wn__nhwc_f32__avx512
#define WN__BF16_TABLE wn__nhwc_bf16__avx512
#include "kernels/nhwc_isa.tmpl.h"
