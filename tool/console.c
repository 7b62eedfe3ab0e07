#include "console.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "winnow/show.h"

/* Seconds between two bars, and of silence before a line of progress. */
static const double bar_interval = 0.1, line_interval = 10;

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Callers hold the lock. */
static void erase_bar(wn__console *console)
{
    /* Also without a bar of our own: a worker writes to the terminal on which its parent draws one. */
    if (console->live) fputs("\r\033[K", stderr);
    console->bar_shown = false;
}

static void print_line(wn__console *console, const char *color, const char *format, va_list arguments)
{
    pthread_mutex_lock(&console->lock);
    erase_bar(console);
    if (color && console->color)
        fprintf(stderr, "%swinnow:\033[0m ", color);
    else
        fputs("winnow: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    if (!console->live) console->last = seconds_now();
    pthread_mutex_unlock(&console->lock);
}

void wn__console_error(wn__console *console, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    print_line(console, "\033[31m", format, arguments);
    va_end(arguments);
}

void wn__console_note(wn__console *console, const char *format, ...)
{
    if (console->quiet) return;
    va_list arguments;
    va_start(arguments, format);
    print_line(console, NULL, format, arguments);
    va_end(arguments);
}

/* The library's log lines. Errors come back as statuses too, so --quiet may drop all of these but warnings. */
static void log_line(void *user, wn_log_level level, const char *text)
{
    wn__console *console = user;
    if (level == WN_LOG_DEBUG && !console->verbose) return;
    if (level == WN_LOG_ERROR) snprintf(console->told, sizeof console->told, "%s", text);
    if (level < WN_LOG_WARNING)
        wn__console_note(console, "%s", text);
    else if (level == WN_LOG_WARNING)
        wn__console_error(console, "warning: %s", text);
    else
        wn__console_error(console, "%s", text);
}

void wn__console_init(wn__console *console, bool quiet, bool verbose)
{
    const char *terminal = getenv("TERM"), *no_color = getenv("NO_COLOR");
    *console = (wn__console){.quiet = quiet, .verbose = verbose, .last = seconds_now()};
    console->live = isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
    console->color = console->live && !(no_color && no_color[0]);
    pthread_mutex_init(&console->lock, NULL);
    wn_log_set_sink(log_line, console);
}

void wn__console_release(wn__console *console)
{
    wn_log_set_sink(NULL, NULL);
    wn__console_clear(console);
    pthread_mutex_destroy(&console->lock);
}

void wn__console_clear(wn__console *console)
{
    pthread_mutex_lock(&console->lock);
    if (console->bar_shown) erase_bar(console);
    fflush(stderr);
    pthread_mutex_unlock(&console->lock);
}

static int terminal_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* "left [####------] right" in one line of the terminal; `left` gives way first. */
static void draw_bar(wn__console *console, const char *left, double fraction, const char *right)
{
    const int width = terminal_width() - 1, spare = width - (int)strlen(left) - (int)strlen(right) - 10;
    const int bar = spare < 0 ? 0 : spare > 30 ? 30 : spare;
    char marks[40] = "";
    if (bar >= 5) {
        marks[0] = '[';
        for (int i = 0; i < bar; i++)
            marks[1 + i] = i < (int)(fraction * bar + 1e-9) ? '#' : '-';
        memcpy(marks + 1 + bar, "] ", 3);
    }
    char line[512];
    snprintf(line, sizeof line, "%s %s%3.0f%% %s", left, marks, 100 * fraction, right);
    fprintf(stderr, "\r%.*s\033[K", width > 0 ? width : 0, line);
    fflush(stderr);
    console->bar_shown = true;
}

static void show(wn__console *console, const char *left, double fraction, const char *right)
{
    if (console->live)
        draw_bar(console, left, fraction, right);
    else
        fprintf(stderr, "winnow: %s %.0f%% %s\n", left, 100 * fraction, right);
}

static bool is_due(wn__console *console)
{
    const double now = seconds_now();
    if (now - console->last < (console->live ? bar_interval : line_interval)) return false;
    console->last = now;
    return true;
}

static void follow_speed(wn__console *console, const wn_progress *progress)
{
    if (strncmp(console->stage, progress->stage, sizeof console->stage - 1) != 0) {
        snprintf(console->stage, sizeof console->stage, "%s", progress->stage);
        console->speed = progress->per_second;
    } else if (progress->per_second > 0) {
        console->speed += 0.1 * (progress->per_second - console->speed);
    }
}

/* "epoch 12  loss 0.412  rate 0.1  3120/s  2 min 05 s left": what there is of it. */
static void describe_progress(const wn__console *console, const wn_progress *progress, char *text, size_t size)
{
    char piece[64];
    text[0] = 0;
    const size_t room = size - 1;
    if (progress->epoch > 0) snprintf(text, size, "epoch %lld", (long long)progress->epoch);
    if (!isnan(progress->loss)) {
        snprintf(piece, sizeof piece, "%sloss %.4g  rate %.4g", text[0] ? "  " : "", progress->loss, progress->rate);
        strncat(text, piece, room - strlen(text));
    }
    if (console->speed > 0) {
        snprintf(piece, sizeof piece, "%s%.*f/s", text[0] ? "  " : "", console->speed < 10 ? 1 : 0, console->speed);
        strncat(text, piece, room - strlen(text));
    }
    if (progress->seconds_left >= 0) {
        char left[32];
        snprintf(piece, sizeof piece, "%s%s left", text[0] ? "  " : "", wn_show_seconds(progress->seconds_left, left, sizeof left));
        strncat(text, piece, room - strlen(text));
    }
}

void wn__console_progress(void *user, const wn_progress *progress)
{
    wn__console *console = user;
    if (console->quiet) return;
    pthread_mutex_lock(&console->lock);
    follow_speed(console, progress);
    const int64_t length = progress->last_step - progress->first_step;
    if (is_due(console)) {
        char left[192], right[256];
        const int number = progress->stages_done < progress->stages ? progress->stages_done + 1 : progress->stages;
        if (progress->stages > 1)
            snprintf(left, sizeof left, "%d/%d %s", number, progress->stages, progress->stage);
        else
            snprintf(left, sizeof left, "%s", progress->stage);
        describe_progress(console, progress, right, sizeof right);
        show(console, left, length > 0 ? (double)(progress->step - progress->first_step) / (double)length : 1, right);
    }
    pthread_mutex_unlock(&console->lock);
}

void wn__console_download(void *user, const char *url, int64_t done, int64_t total)
{
    wn__console *console = user;
    if (console->quiet) return;
    pthread_mutex_lock(&console->lock);
    if (is_due(console)) {
        char have[32], all[32], right[80];
        const char *slash = strrchr(url, '/');
        wn_show_bytes(done, have, sizeof have);
        if (total > 0)
            snprintf(right, sizeof right, "%s of %s", have, wn_show_bytes(total, all, sizeof all));
        else
            snprintf(right, sizeof right, "%s", have);
        show(console, slash ? slash + 1 : url, total > 0 ? (double)done / (double)total : 0, right);
    }
    pthread_mutex_unlock(&console->lock);
}
