/* The libraries that formats and downloads are read and made with. */
#ifndef WN_IO_LIBRARIES_H
#define WN_IO_LIBRARIES_H

typedef struct wn__library {
    const char *name;
    const char *version; /* of the one in use; NULL: not in this build */
} wn__library;

/* The index-th library, or one without name past the last. */
wn__library wn__library_get(int index);

#endif
