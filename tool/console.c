#include "console.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "answer.h"
#include "winnow/show.h"

/* Seconds between two bars, and of silence before a line of progress. */
static const double bar_interval = 0.1, line_interval = 10;

double wn__seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Callers hold the lock. The cursor stands at the beginning of the bars. */
static void erase_bar(wn__console *console)
{
    /* Also without bars of our own: a worker writes to the terminal on which its parent draws them. */
    if (console->live) fputs("\r\033[J", stderr);
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
    if (!console->live) console->last = wn__seconds_now();
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
    *console = (wn__console){.quiet = quiet, .verbose = verbose, .last = wn__seconds_now()};
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

/* Bytes of the text that fit into `width` columns. */
static int bytes_of_columns(const char *text, int width)
{
    int bytes = 0;
    for (int columns = 0; text[bytes]; bytes++) {
        columns += (text[bytes] & 0xC0) != 0x80;
        if (columns > width) break;
    }
    return bytes;
}

/* "left [####------] right" in one line of the terminal; the bar gives way first, then `right`. */
static void describe_bar(const char *left, double fraction, const char *right, char *line, size_t size)
{
    const int spare = terminal_width() - 1 - wn__text_width(left) - wn__text_width(right) - 10;
    const int bar = spare < 0 ? 0 : spare > 30 ? 30 : spare;
    char marks[40] = "";
    if (bar >= 5) {
        marks[0] = '[';
        for (int i = 0; i < bar; i++)
            marks[1 + i] = i < (int)(fraction * bar + 1e-9) ? '#' : '-';
        memcpy(marks + 1 + bar, "] ", 3);
    }
    snprintf(line, size, "%s %s%3.0f%% %s", left, marks, 100 * fraction, right);
}

/* All lines, in place of those that stand there. The cursor goes back to their beginning: what others print then goes on top of them. */
static void draw_lines(wn__console *console, int count)
{
    const int width = terminal_width() - 1;
    fputs("\r\033[J", stderr);
    for (int i = 0; i < count; i++) {
        const char *line = console->line[i];
        fprintf(stderr, "%s%.*s\033[K", i ? "\n" : "", width > 0 ? bytes_of_columns(line, width) : 0, line);
    }
    if (count > 1) fprintf(stderr, "\033[%dA", count - 1);
    fputc('\r', stderr);
    fflush(stderr);
    console->bar_shown = true;
}

static void show(wn__console *console, int count)
{
    if (console->live)
        draw_lines(console, count);
    else
        for (int i = 0; i < count; i++)
            fprintf(stderr, "winnow: %s\n", console->line[i]);
}

/* Sets line `index` to what is done of something. */
static void set_line(wn__console *console, int index, const char *left, double fraction, const char *right)
{
    char *line = console->line[index];
    const size_t size = sizeof console->line[index];
    if (console->live)
        describe_bar(left, fraction, right, line, size);
    else
        snprintf(line, size, "%s %.0f%% %s", left, 100 * fraction, right);
}

static bool is_due(wn__console *console)
{
    const double now = wn__seconds_now();
    if (now - console->last < (console->live ? bar_interval : line_interval)) return false;
    console->last = now;
    return true;
}

/* Smoothed, by the stage's name. */
static double follow_speed(wn__console *console, int index, const wn_progress *progress)
{
    int at = 0;
    while (at < WN__MOST_LINES && strncmp(console->speed[at].stage, progress->stage, sizeof console->speed[at].stage - 1) != 0)
        at++;
    if (at == WN__MOST_LINES) {
        at = index;
        snprintf(console->speed[at].stage, sizeof console->speed[at].stage, "%s", progress->stage);
        console->speed[at].value = progress->per_second;
    } else if (progress->per_second > 0) {
        console->speed[at].value += 0.1 * (progress->per_second - console->speed[at].value);
    }
    return console->speed[at].value;
}

static void add_piece(char *text, size_t size, const char *format, ...) WN_PRINTF(3, 4);
static void add_piece(char *text, size_t size, const char *format, ...)
{
    const size_t used = strlen(text);
    va_list arguments;
    va_start(arguments, format);
    const int gap = snprintf(text + used, size - used, "%s", used ? "  " : "");
    if (used + (size_t)gap < size) vsnprintf(text + used + gap, size - used - (size_t)gap, format, arguments);
    va_end(arguments);
}

/* "lr 0.1  loss 0.412  3120 images/s  2 min 05 s left, 12 min 10 s in all": what there is of it. */
static void describe_progress(const wn_progress *progress, double speed, char *text, size_t size)
{
    char left[32], all[32];
    text[0] = 0;
    if (!isnan(progress->rate)) add_piece(text, size, "lr %.4g", progress->rate);
    if (!isnan(progress->loss)) add_piece(text, size, "loss %.4g", progress->loss);
    if (speed > 0) add_piece(text, size, "%.*f%s/s", speed < 10 ? 1 : 0, speed, isnan(progress->loss) ? "" : " images");
    wn_show_seconds(progress->seconds_left, left, sizeof left);
    wn_show_seconds(fmax(progress->all_seconds_left, progress->seconds_left), all, sizeof all);
    const bool in_all = progress->stages > 1 && progress->all_seconds_left > 0 && progress->jobs < 2;
    if (progress->seconds_left >= 0 && in_all)
        add_piece(text, size, "%s left, %s in all", left, all);
    else if (progress->seconds_left >= 0)
        add_piece(text, size, "%s left", left);
    else if (in_all)
        add_piece(text, size, "%s left in all", all);
}

static void describe_stage(wn__console *console, int index, const wn_progress *progress, double speed)
{
    char left[192], right[256];
    const int64_t length = progress->last_step - progress->first_step;
    const int number = progress->stages_done < progress->stages ? progress->stages_done + 1 : progress->stages;
    if (progress->stages > 1 && progress->jobs < 2)
        snprintf(left, sizeof left, "%d/%d %s", number, progress->stages, progress->stage);
    else
        snprintf(left, sizeof left, "%s", progress->stage);
    describe_progress(progress, speed, right, sizeof right);
    set_line(console, index, left, length > 0 ? (double)(progress->step - progress->first_step) / (double)length : 1, right);
}

/* Under the lines of several jobs. */
static void describe_all(wn__console *console, int index, const wn_progress *progress)
{
    char left[32];
    const bool known = progress->all_seconds_left > 0;
    snprintf(console->line[index], sizeof console->line[index], "%d of %d stages done%s%s%s", progress->stages_done, progress->stages,
             known ? ", " : "", known ? wn_show_seconds(progress->all_seconds_left, left, sizeof left) : "", known ? " left" : "");
}

void wn__console_progress(void *user, const wn_progress *progress)
{
    wn__console *console = user;
    const int jobs = progress->jobs > 1 ? progress->jobs : 1, shown = jobs < WN__MOST_LINES ? jobs : WN__MOST_LINES - 1;
    if (console->quiet || progress->job >= shown) return;
    pthread_mutex_lock(&console->lock);
    const double speed = follow_speed(console, progress->job, progress);
    if (progress->job == 0) console->due = is_due(console);
    if (console->due) {
        describe_stage(console, progress->job, progress, speed);
        if (jobs > 1) describe_all(console, shown, progress);
        if (progress->job == shown - 1) show(console, jobs > 1 ? shown + 1 : 1);
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
        set_line(console, 0, slash ? slash + 1 : url, total > 0 ? (double)done / (double)total : 0, right);
        show(console, 1);
    }
    pthread_mutex_unlock(&console->lock);
}
