#define WN__LANES 4
#define WN__F32_TABLE wn__nhwc_f32__base
#define WN__BF16_TABLE wn__nhwc_bf16__base
#include "kernels/nhwc_isa.tmpl.h"
