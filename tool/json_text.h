/* Pieces of JSON on standard output. */
#ifndef WN_TOOL_JSON_TEXT_H
#define WN_TOOL_JSON_TEXT_H

/* A JSON string; what we print has no control characters. */
void wn__put_json_text(const char *text);
/* , "key": "text" */
void wn__put_json_pair(const char *key, const char *text);
/* A number with up to `digits` digits, or null where there is none. */
void wn__put_json_real(double value, int digits);

#endif
