/* Class folders: a folder below `folder` is a class, named so, and all pictures below it are of that class. Classes and pictures are sorted by name;
 * links are followed; hidden files and folders are not seen. */
#ifndef WN_DATA_PICTURE_FOLDER_H
#define WN_DATA_PICTURE_FOLDER_H

#include "data/pictures.h"

/* Classes in the order of strcmp. `folder`: below the root of p; "" is the root itself. */
wn_status wn__picture_folder_classes(wn__pictures *p, const char *folder);
/* The pictures of a part; its classes are all known. Each class folder that is there must hold some. */
wn_status wn__picture_folder_add(wn__pictures *p, wn__part part, const char *folder);

/* All pictures in the root and below it, of class 0. */
wn_status wn__picture_folder_all(wn__pictures *p, wn__part part);

/* Pictures that lie in `folder` itself; label_of says the class of each. */
typedef wn_status (*wn__label_of)(void *user, const wn__pictures *p, const char *name, int32_t *label);
wn_status wn__picture_folder_flat(wn__pictures *p, wn__part part, const char *folder, wn__label_of label_of, void *user);
/* Whether there are folders in `folder`. */
wn_status wn__picture_folder_has_folders(const wn__pictures *p, const char *folder, bool *has);
/* Of classes that were so found; -1: there is none. */
int32_t wn__picture_class_find(const wn__pictures *p, const char *name);

/* Whether a name ends as torchvision takes it for a picture: .jpg .jpeg .png .ppm .bmp .pgm .tif .tiff .webp, in any case. */
bool wn__is_picture_name(const char *name);

#endif
