/* 16 registers, four a pixel: up to 3 pixels of sums. */
#define WN__LANES 4
#define WN__TABLE wn__lane_products_base
#define WN__TILES(X) X(1, 2) X(1, 3)
#define WN__PASSES_TILES(X)
#define WN__PRODUCT_TILES(X)
#define WN__ROW_COST 0
#define WN__TILE_PIXELS 1024
#define WN__COLUMN_TILES(X) X(1, 1) X(2, 1) X(3, 1)
#define WN__DENSE_TILES(X) X(1, 2, 1)
#define WN__DENSE_COLUMN_TILES(X) X(1, 1, 3) X(2, 1, 1)
#define WN__GRADIENT_ROWS 1
#define WN__GRADIENT_ENTRIES 3
#define WN__WHOLE_ROWS 2
#define WN__WHOLE_ENTRIES 2
#define WN__WHOLE_PART 1
#define WN__BATCH_ROWS 2
#define WN__BATCH_VECTORS 1
#include "kernels/lanes_product.tmpl.h"
