/* How a picture of any size becomes one of the network's. */
#ifndef WN_DATA_PICTURE_FIT_H
#define WN_DATA_PICTURE_FIT_H

#include "data/transform.h"

/* By `fit`, which draws nothing. NULL: a picture of another size is scaled until it just covers the network's (bilinear, as Pillow does it), and the middle
 * is cut out. */
wn_status wn__picture_fit(const wn__transforms *fit, int height, int width, wn__canvas *canvas);
/* WN_EUSAGE unless the picture has that size now. */
wn_status wn__picture_check_size(const wn__canvas *canvas, int height, int width);

#endif
