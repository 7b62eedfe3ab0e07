/* Numbers and patterns mean the same in every locale of the program: the library works in the C locale. scripts/check-manners.sh sees that
 * nothing else in src reads or prints numbers with a decimal point. */
#ifndef WN_BASE_LOCALE_H
#define WN_BASE_LOCALE_H

#include <locale.h>
#include <stdarg.h>

#include "winnow/core.h"

/* strtod, strtof, snprintf and vsnprintf of the C locale. */
double wn__strtod(const char *text, char **end);
float wn__strtof(const char *text, char **end);
int wn__snprintf(char *buffer, size_t size, const char *format, ...) WN_PRINTF(3, 4);
int wn__vsnprintf(char *buffer, size_t size, const char *format, va_list arguments);
/* Of ASCII. */
bool wn__is_space(char c);
bool wn__is_alnum(char c);

/* The calling thread is in the C locale between the two: for other calls that depend on it. */
locale_t wn__locale_enter(void);
void wn__locale_leave(locale_t before);

#endif
