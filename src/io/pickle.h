/* Python pickles of plain values, as a tree. Nothing is run: a pickle may name only those functions and classes that the caller lists, and
 * calling one makes a node that says so. Any other name is an error that tells it. */
#ifndef WN_IO_PICKLE_H
#define WN_IO_PICKLE_H

#include "winnow/core.h"

typedef enum wn__pickle_kind {
    WN__PICKLE_NONE,
    WN__PICKLE_BOOL,   /* number */
    WN__PICKLE_INT,    /* number; beyond 64 bits the nearest that fits */
    WN__PICKLE_FLOAT,  /* real */
    WN__PICKLE_TEXT,   /* text; bytes, too */
    WN__PICKLE_TUPLE,  /* item */
    WN__PICKLE_LIST,   /* item */
    WN__PICKLE_DICT,   /* item: key, value, key, value, ... */
    WN__PICKLE_GLOBAL, /* number: which of the caller's list */
    WN__PICKLE_CALL,   /* number: which is called; item[0]: the tuple of arguments; item[1], if there is one: the state that it was given */
    WN__PICKLE_PERSISTENT /* item[0]: what names an object outside */
} wn__pickle_kind;

typedef struct wn__pickle_value {
    wn__pickle_kind kind;
    int64_t number;
    double real;
    const char *text; /* not terminated; inside the pickle's bytes */
    size_t text_size;
    int32_t *item; /* indices of values; a value may be an item of many, and of itself */
    int64_t items;
} wn__pickle_value;

typedef struct wn__pickle_global {
    const char *module, *name;
    bool makes_dict;  /* called without arguments it gives an empty dictionary */
    bool takes_state; /* what it gives when it is called may have a state */
} wn__pickle_global;

typedef struct wn__pickle {
    wn__pickle_value *values;
    int64_t count;
    int32_t root;
} wn__pickle;

/* Protocols 2 to 5, as torch.save uses them. WN_EFORMAT: truncated or damaged; WN_EUNSUPPORTED: a name that is not listed, another kind of
 * value, or too many values. globals: `global_count` of them. bytes are borrowed while the result is used. */
wn_status wn__pickle_read(const char *label, const uint8_t *bytes, size_t size, const wn__pickle_global *globals, int global_count,
                          wn__pickle *out);
void wn__pickle_release(wn__pickle *pickle); /* accepts a zeroed one */

#endif
