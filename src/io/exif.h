/* EXIF, as pictures of cameras carry it: a TIFF structure. */
#ifndef WN_IO_EXIF_H
#define WN_IO_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* The orientation in a TIFF structure, 1 (upright) to 8; 1 when there is none. */
int wn__exif_orientation(const uint8_t *tiff, size_t size);

#endif
