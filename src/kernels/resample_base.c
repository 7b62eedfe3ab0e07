#define WN__VECTOR 4
#define WN__TABLE wn__resample_base
#include "kernels/resample.tmpl.h"
