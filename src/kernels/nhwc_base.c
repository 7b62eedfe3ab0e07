#define WN_LANES 4
#define WN_BF16 0
#define WN_TABLE wn__nhwc_f32__base
#include "kernels/nhwc.tmpl.h"
#define WN_BF16 1
#define WN_TABLE wn__nhwc_bf16__base
#include "kernels/nhwc.tmpl.h"
