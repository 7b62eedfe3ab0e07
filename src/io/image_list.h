/* One line per format of pictures; each names wn__image_<name> in a file of its own. */
WN_IMAGE_FORMAT(jpeg)
WN_IMAGE_FORMAT(png)
WN_IMAGE_FORMAT(webp)
