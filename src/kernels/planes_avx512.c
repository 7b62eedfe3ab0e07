/* 32 registers. */
#define WN__VECTOR 16
#define WN__TABLE wn__planes_avx512
#define WN__PRODUCTS(X) \
    X(1, 8)             \
    X(2, 4)             \
    X(3, 4) X(4, 4) X(5, 2) X(6, 2) X(7, 2) X(8, 1) X(9, 1) X(10, 1) X(11, 1) X(12, 1) X(13, 1) X(14, 1) X(15, 1) X(16, 1)
#define WN__DENSE(X) X(1, 8) X(2, 8) X(3, 8) X(4, 6)
#include "kernels/planes.tmpl.h"
