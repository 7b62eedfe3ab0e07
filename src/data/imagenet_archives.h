/* ImageNet as it is downloaded: the publisher's tar of 1,000 tars, or Hugging Face's tars of pictures. Pictures are read where they lie. */
#ifndef WN_DATA_IMAGENET_ARCHIVES_H
#define WN_DATA_IMAGENET_ARCHIVES_H

#include "data/imagenet_labels.h"

/* Whether archives of training pictures lie in `root`, or in its folder `data`. */
bool wn__imagenet_has_archives(const char *root);
/* Classes, training and test pictures of those that lie there. */
wn_status wn__imagenet_add_archives(wn__pictures *p, wn__imagenet_labels *labels);

#endif
