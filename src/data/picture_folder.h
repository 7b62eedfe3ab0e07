/* Class folders: a folder below `folder` is a class, named so, and all pictures below it are of that class. Classes and pictures are sorted by name;
 * links are followed; hidden files and folders are not seen. */
#ifndef WN_DATA_PICTURE_FOLDER_H
#define WN_DATA_PICTURE_FOLDER_H

#include "data/pictures.h"

/* `folder`: below the root of p; "" is the root itself. */
wn_status wn__picture_folder_classes(wn__pictures *p, const char *folder);
/* The pictures of a part; its classes are all known. Each class folder that is there must hold some. */
wn_status wn__picture_folder_add(wn__pictures *p, wn__part part, const char *folder);

/* Whether a name ends as torchvision takes it for a picture: .jpg .jpeg .png .ppm .bmp .pgm .tif .tiff .webp, in any case. */
bool wn__is_picture_name(const char *name);

#endif
