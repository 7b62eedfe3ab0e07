/* Whole JSON files through jansson. */
#ifndef WN_IO_JSON_FILE_H
#define WN_IO_JSON_FILE_H

#include <jansson.h>

#include "winnow/core.h"

/* Parse a file; duplicate keys and trailing text are WN_EFORMAT with file and line. Caller: json_decref(*root). */
wn_status wn__json_load(const char *path, json_t **root);
/* Write through wn__replace: two blanks of indentation, keys in the order of insertion, newline at the end. */
wn_status wn__json_save(const char *path, const json_t *root);

/* A number of an object; NaN if it is null, no number or not there. */
double wn__json_number(const json_t *object, const char *key);
/* A list of texts; NULL if out of memory. Owned by the caller. */
json_t *wn__json_texts(const char *const *items, int count);

#endif
