/* 32 registers, four a pixel: up to 6 pixels of sums. */
#define WN__LANES 4
#define WN__TABLE wn__lane_products_neon
#define WN__TILES(X) X(1, 2) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(2, 2) X(2, 3) X(3, 2)
#define WN__PASSES_TILES(X)
#define WN__PRODUCT_TILES(X)
#define WN__ROW_COST 0
#define WN__TILE_PIXELS 1024
#define WN__COLUMN_TILES(X) X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1)
#define WN__DENSE_TILES(X) X(1, 2, 3)
#define WN__DENSE_COLUMN_TILES(X) X(1, 1, 6) X(2, 1, 3)
#define WN__GRADIENT_ROWS 2
#define WN__GRADIENT_ENTRIES 3
#define WN__WHOLE_ROWS 2
#define WN__WHOLE_ENTRIES 2
#define WN__WHOLE_PART 2
#define WN__BATCH_ROWS 4
#define WN__BATCH_VECTORS 1
#include "kernels/lanes_product.tmpl.h"
