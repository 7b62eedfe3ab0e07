#define WN__LANES 4
#define WN__F32_TABLE wn__nhwc_f32__neon
#define WN__BF16_TABLE wn__nhwc_bf16__neon
#include "kernels/nhwc_isa.tmpl.h"
