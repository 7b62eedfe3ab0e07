#define WN__VECTOR 4
#define WN__TABLE wn__resample_neon
#include "kernels/resample.tmpl.h"
