#include "base/fail.h"

#include "base/locale.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Per thread, of fixed size: a failure must be reportable when there is no memory left. Longer messages are cut. */
static _Thread_local char message[8192];

const char *wn_error_message(void) { return message; }

void wn__set_message(const char *format, ...)
{
    char text[sizeof message]; /* arguments may point into the old message */
    va_list arguments;
    va_start(arguments, format);
    wn__vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    memcpy(message, text, sizeof message);
}

static wn_status status_of_errno(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return WN_ENOSPACE;
    case ENOENT:
    case ENOTDIR: return WN_ENOTFOUND;
    case ENOMEM: return WN_ENOMEM;
    case EWOULDBLOCK: return WN_EBUSY;
    default: return WN_EIO;
    }
}

wn_status wn__set_errno_message(const char *format, ...)
{
    const int error = errno;
    char text[1536];
    va_list arguments;
    va_start(arguments, format);
    wn__vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    wn__set_message("%s: %s", text, strerrordesc_np(error));
    return status_of_errno(error);
}

void wn__prefix_message(const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    wn__vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    wn__set_message("%s%s", text, message);
}
