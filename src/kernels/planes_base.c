/* 16 registers, one of which a product takes. */
#define WN__VECTOR 4
#define WN__TABLE wn__planes_base
#define WN__PRODUCTS(X) X(1, 8) X(2, 4) X(3, 4) X(4, 2) X(5, 2) X(6, 2) X(7, 1) X(8, 1) X(9, 1) X(10, 1) X(11, 1) X(12, 1)
#define WN__DENSE(X) X(1, 8) X(2, 5) X(3, 3) X(4, 2)
#include "kernels/planes.tmpl.h"
