#include "base/locale.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Made once and kept, as the system's own is: nothing else is kept for the life of the process. */
static locale_t c_locale;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_locale(void) { c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); }

/* Without one (no memory) the thread stays as it is: (locale_t)0 changes nothing. */
locale_t wn__locale_enter(void)
{
    pthread_once(&once, make_locale);
    return uselocale(c_locale);
}

void wn__locale_leave(locale_t before) { uselocale(before); }

double wn__strtod(const char *text, char **end)
{
    const locale_t before = wn__locale_enter();
    const double value = strtod(text, end);
    wn__locale_leave(before);
    return value;
}

float wn__strtof(const char *text, char **end)
{
    const locale_t before = wn__locale_enter();
    const float value = strtof(text, end);
    wn__locale_leave(before);
    return value;
}

int wn__vsnprintf(char *buffer, size_t size, const char *format, va_list arguments)
{
    const locale_t before = wn__locale_enter();
    const int length = vsnprintf(buffer, size, format, arguments);
    wn__locale_leave(before);
    return length;
}

int wn__snprintf(char *buffer, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int length = wn__vsnprintf(buffer, size, format, arguments);
    va_end(arguments);
    return length;
}

bool wn__is_space(char c) { return c && strchr(" \t\n\v\f\r", c); }

bool wn__is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
