#define WN__VECTOR 16
#define WN__TABLE wn__lanes__avx512
#include "kernels/lanes.tmpl.h"
