#define WN__VECTOR 8
#define WN__TABLE wn__lanes__avx2
#include "kernels/lanes.tmpl.h"
