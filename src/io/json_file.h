/* Whole JSON files through jansson. */
#ifndef WN_IO_JSON_FILE_H
#define WN_IO_JSON_FILE_H

#include <jansson.h>

#include "winnow/core.h"

/* Parse a file; duplicate keys and trailing text are WN_EFORMAT with file and line. Caller: json_decref(*root). */
wn_status wn__json_load(const char *path, json_t **root);
/* Write through wn__replace: two blanks of indentation, keys in the order of insertion, newline at the end. */
wn_status wn__json_save(const char *path, const json_t *root);

#endif
