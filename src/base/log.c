#include "base/log.h"

#include "base/locale.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

/* The sink belongs to the process, like its standard error; the lock keeps lines of different threads apart. */
static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static wn_log_sink current_sink;
static void *current_user;

void wn_log_set_sink(wn_log_sink sink, void *user)
{
    pthread_mutex_lock(&sink_lock);
    current_sink = sink;
    current_user = user;
    pthread_mutex_unlock(&sink_lock);
}

void wn__log(wn_log_level level, const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    wn__vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&sink_lock);
    if (current_sink) current_sink(current_user, level, text);
    pthread_mutex_unlock(&sink_lock);
}

double wn__seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
