/* Settings: one row per setting; parsing, range checks, --help, the run's record and the docs tables all read the row. Numbers have a point,
 * so the numeric locale must be "C".
 *
 *     typedef struct sgd_config { float momentum; bool nesterov; } sgd_config;
 *     static const wn__setting sgd_settings[] = {
 *         WN_SETTING_FLOAT(sgd_config, momentum, 0.9, 0, 1, "fraction of the last update that is kept"),
 *         WN_SETTING_BOOL(sgd_config, nesterov, false, "look-ahead gradient"),
 *         {0}};
 */
#ifndef WN_BASE_SETTINGS_H
#define WN_BASE_SETTINGS_H

#include "winnow/core.h"

typedef enum wn__setting_type {
    WN__SETTING_END = 0,
    WN__SETTING_BOOL,     /* bool */
    WN__SETTING_INT,      /* int64_t */
    WN__SETTING_FLOAT,    /* double */
    WN__SETTING_TEXT,     /* const char *: points into the source of the value, which the caller keeps */
    WN__SETTING_CHOICE,   /* int: index into choices */
    WN__SETTING_STEPS,    /* wn__steps: "160ep", "500it", "33%" */
    WN__SETTING_SPARSITY, /* double: sparsity in [0,1); "90%", "0.9", "0.1d", "10x" */
    WN__SETTING_NUMBERS   /* wn__numbers: "[0.08, 1]", or "224" for a single one */
} wn__setting_type;

typedef struct wn__setting {
    const char *name;
    wn__setting_type type;
    size_t offset;              /* of the field in the configuration struct */
    double min, max;            /* INT, FLOAT, NUMBERS; inclusive; equal = unbounded */
    const char *fallback;       /* default, written as a user would; NULL = required */
    const char *const *choices; /* CHOICE: NULL-terminated */
    const char *help;
} wn__setting;

/* clang-format off */
#define WN_SETTING_BOOL(type, field, value, text) {#field, WN__SETTING_BOOL, offsetof(type, field), 0, 0, #value, NULL, text}
#define WN_SETTING_INT(type, field, value, low, high, text) {#field, WN__SETTING_INT, offsetof(type, field), low, high, #value, NULL, text}
#define WN_SETTING_FLOAT(type, field, value, low, high, text) {#field, WN__SETTING_FLOAT, offsetof(type, field), low, high, #value, NULL, text}
#define WN_SETTING_CHOICE(type, field, value, list, text) {#field, WN__SETTING_CHOICE, offsetof(type, field), 0, 0, value, list, text}
#define WN_SETTING_TEXT(type, field, value, text) {#field, WN__SETTING_TEXT, offsetof(type, field), 0, 0, value, NULL, text}
#define WN_SETTING_STEPS(type, field, value, text) {#field, WN__SETTING_STEPS, offsetof(type, field), 0, 0, value, NULL, text}
#define WN_SETTING_NUMBERS(type, field, value, low, high, text) {#field, WN__SETTING_NUMBERS, offsetof(type, field), low, high, value, NULL, text}
#define WN_SETTING_SPARSITY(type, field, value, text) {#field, WN__SETTING_SPARSITY, offsetof(type, field), 0, 0, value, NULL, text}
/* clang-format on */

enum { WN__MOST_NUMBERS = 4 };
typedef struct wn__numbers {
    int count; /* 1 or more once it is set */
    double value[WN__MOST_NUMBERS];
} wn__numbers;

/* A time in training, as written. `unit`: e = epochs, i = iterations (steps), % = of the whole run. */
typedef struct wn__steps {
    double amount;
    char unit;
} wn__steps;
wn_status wn__steps_parse(const char *text, wn__steps *out);
/* In optimizer steps, rounded half up; of = length of the whole run in steps. */
int64_t wn__steps_resolve(wn__steps s, int64_t steps_per_epoch, int64_t of);
/* "90%", "0.9", "0.1d" (density), "10x" (compression) to sparsity; WN_EUSAGE unless 0 <= s < 1. */
wn_status wn__sparsity_parse(const char *text, double *sparsity);
/* "94.5%" into the caller's buffer, which is returned; reading it back gives the same to eight digits. */
char *wn__show_sparsity(double sparsity, char *buffer, size_t size);

/* All rows' defaults into `config`; required rows are left zero. */
wn_status wn__settings_defaults(const wn__setting *rows, void *config);
/* Set one by name from text. Unknown name: WN_EUSAGE that lists the valid ones and the nearest. Ill-typed or out of range: says what is valid. */
wn_status wn__settings_set(const wn__setting *rows, void *config, const char *name, const char *text);
/* The same of "NAME=VALUE". */
wn_status wn__settings_assign(const wn__setting *rows, void *config, const char *text);
const wn__setting *wn__settings_find(const wn__setting *rows, const char *name);
/* The value as it would be written, into buffer (returned); reading it back gives the same value. */
char *wn__settings_show(const wn__setting *row, const void *config, char *buffer, size_t size);

#endif
