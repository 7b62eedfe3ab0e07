#include "json_text.h"

#include <math.h>
#include <stdio.h>

void wn__put_json_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') putchar('\\');
        putchar(*text);
    }
    putchar('"');
}

void wn__put_json_pair(const char *key, const char *text)
{
    printf(", \"%s\": ", key);
    wn__put_json_text(text);
}

void wn__put_json_real(double value, int digits)
{
    if (isfinite(value))
        printf("%.*g", digits, value);
    else
        fputs("null", stdout);
}
