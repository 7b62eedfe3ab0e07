/* 32 registers: up to 28 pixels of sums, one weight. */
#define WN__LANES 16
#define WN__TABLE wn__lane_products_avx512
#define WN__TILES(X) \
    X(1, 2)          \
    X(1, 3)          \
    X(1, 4) X(1, 7) X(1, 8) X(1, 14) X(1, 16) X(1, 28) X(2, 2) X(2, 4) X(2, 7) X(2, 8) X(2, 14) X(3, 7) X(3, 8) X(4, 2) X(4, 4) X(4, 7)
#define WN__PASSES_TILES(X)
#define WN__PRODUCT_TILES(X)
#define WN__ROW_COST 0
#define WN__TILE_PIXELS 1024
#define WN__COLUMN_TILES(X) X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1) X(12, 1) X(16, 1) X(24, 1)
#define WN__DENSE_TILES(X) X(1, 2, 8) X(1, 4, 6) X(1, 6, 4) X(1, 7, 3) X(2, 2, 6)
#define WN__DENSE_COLUMN_TILES(X) X(1, 1, 8) X(2, 1, 8) X(4, 1, 6) X(7, 1, 3)
#define WN__TINY_TILES(X) X(1, 4, 4, 6) X(1, 4, 4, 4) X(1, 2, 2, 2) X(2, 2, 2, 2) X(4, 2, 2, 2)
#define WN__TINY_AT_ONCE 16
#define WN__GRADIENT_ROWS 4
#define WN__GRADIENT_ENTRIES 6
#define WN__WHOLE_ROWS 4
#define WN__WHOLE_ENTRIES 4
#define WN__WHOLE_PART 4
#define WN__BATCH_ROWS 4
#define WN__BATCH_VECTORS 2
#include "kernels/lanes_product.tmpl.h"
