#define WN__VECTOR 16
#define WN__TABLE wn__resample_avx512
#include "kernels/resample.tmpl.h"
