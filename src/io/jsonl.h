/* JSON lines: one object per line, the same bytes for the same values.
 *
 *     wn__json_line line = {0};
 *     wn__json_line_text(&line, "split", "test");
 *     wn__json_line_real(&line, "loss", 0.25);
 *     WN_TRY(wn__json_line_append(&line, &metrics));     // {"split":"test","loss":0.25}
 */
#ifndef WN_IO_JSONL_H
#define WN_IO_JSONL_H

#include <jansson.h>

#include "base/files.h"
#include "base/text.h"

#define WN__REAL_TEXT 32 /* bytes that hold any double as text */

/* Shortest decimal text that reads back as the same double ("0.1", "1e-07", "3.0"); NaN and infinities give "null". Returns buffer. */
char *wn__show_real(double value, char buffer[WN__REAL_TEXT]);
/* The same for a float: shortest text that reads back as the same float. */
char *wn__show_float(float value, char buffer[WN__REAL_TEXT]);

void wn__json_quoted(wn__text *t, const char *value); /* a string, of UTF-8 */
/* Arrays as text, into `t`, whose `failed` says the rest: "[0.5, 0.25]"; ["ant","bee"], of UTF-8. */
void wn__json_float_array(wn__text *t, const float *values, int64_t count);
void wn__json_text_array(wn__text *t, const char *const *texts, int64_t count);

typedef struct wn__json_line {
    wn__text text; /* failures to allocate are kept here and reported when the line is finished */
} wn__json_line;
void wn__json_line_int(wn__json_line *l, const char *key, int64_t value);
void wn__json_line_real(wn__json_line *l, const char *key, double value);
void wn__json_line_text(wn__json_line *l, const char *key, const char *value); /* UTF-8; NULL gives null */
void wn__json_line_null(wn__json_line *l, const char *key);
/* An object inside the line, until it is closed. */
void wn__json_line_open(wn__json_line *l, const char *key);
void wn__json_line_close(wn__json_line *l);
/* Close the object and write it with its newline; the line is released, also on failure. */
wn_status wn__json_line_append(wn__json_line *l, wn__append *to);
/* Close the object; text with newline in l->text, to be released by the caller. */
wn_status wn__json_line_finish(wn__json_line *l);

/* Call visit for each line of a file; `object` is borrowed. A line that is no object is WN_EFORMAT with file and line;
 * a failing visit ends the reading. */
typedef wn_status (*wn__jsonl_visit)(void *user, int64_t line, const json_t *object);
wn_status wn__jsonl_read(const char *path, wn__jsonl_visit visit, void *user);

#endif
