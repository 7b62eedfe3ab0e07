#define WN__VECTOR 8
#define WN__TABLE wn__resample_avx2
#include "kernels/resample.tmpl.h"
