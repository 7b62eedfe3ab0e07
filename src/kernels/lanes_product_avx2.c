/* 16 registers, two a pixel: up to 7 pixels of sums, or 12 in two passes. Long runs of one row: windows of many rows, which a core reads a few
 * pixels at a time, come late from the caches behind the first. */
#define WN__LANES 8
#define WN__TABLE wn__lane_products_avx2
#define WN__TILES(X) X(1, 2) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(1, 7) X(2, 2) X(2, 3) X(3, 2)
#define WN__PASSES_TILES(X) X(1, 8) X(2, 5) X(2, 6) X(3, 4)
#define WN__PRODUCT_TILES(X) X(1, 10) X(1, 11) X(1, 12)
#define WN__ROW_COST 2.5
#define WN__TILE_PIXELS 704
#define WN__COLUMN_TILES(X) X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(7, 1)
#define WN__DENSE_TILES(X) X(1, 2, 3) X(1, 3, 2)
#define WN__DENSE_COLUMN_TILES(X) X(1, 1, 6) X(2, 1, 3)
#define WN__TINY_TILES(X) X(1, 4, 4, 6) X(1, 4, 4, 4) X(1, 2, 2, 2) X(2, 2, 2, 2) X(4, 2, 2, 2)
#define WN__TINY_AT_ONCE 12
#define WN__GRADIENT_ROWS 2
#define WN__GRADIENT_ENTRIES 3
#define WN__WHOLE_ROWS 2
#define WN__WHOLE_ENTRIES 4
#define WN__WHOLE_PART 2
#define WN__BATCH_ROWS 4
#define WN__BATCH_VECTORS 1
#include "kernels/lanes_product.tmpl.h"
