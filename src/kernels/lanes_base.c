#define WN__VECTOR 4
#define WN__TABLE wn__lanes__base
#include "kernels/lanes.tmpl.h"
