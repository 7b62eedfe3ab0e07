/* Curves of loss and error between networks: read from units of work, as table, JSON and figure. Interpolation, paths and connectivity share it. */
#ifndef WN_LAB_LAB_CURVE_H
#define WN_LAB_LAB_CURVE_H

#include "analysis/barrier.h"
#include "lab/lab.h"

/* Arrays of `points`, owned. */
typedef struct wn__lab_curve {
    int64_t points;
    double *position, *value[4]; /* train loss, train error, test loss, test error */
} wn__lab_curve;

json_t *wn__lab_curve_point_json(double position, const wn__probe_point *point); /* NULL if out of memory */
/* Units are called "0", "1", ... or with `prefix` "PREFIX 0" ... */
enum { WN__UNIT_NAME = 96 };
char *wn__lab_curve_unit(const char *prefix, int64_t index, char name[WN__UNIT_NAME]); /* returns name */
wn_status wn__lab_curve_read(const wn__lab *lab, const char *prefix, const double *position, int64_t points, wn__lab_curve *out);
void wn__lab_curve_release(wn__lab_curve *c); /* accepts a zeroed one */

/* A row per point: position, losses, errors in percent. */
void wn__lab_curve_table(const wn__lab_curve *c, const char *position_name, wn__table *t);
/* A row per curve (`names` NULL: one without a name): error at both ends, barriers of errors (points) and losses. */
void wn__lab_curve_barriers(const wn__lab_curve *curves, int count, const char *const *names, wn__table *t);
/* Adds "points" and "barriers" to an object. */
wn_status wn__lab_curve_json(const wn__lab_curve *c, json_t *object);
/* Two panels: loss, error. One curve shows train and test; several show test alone, with a legend of their names (borrowed until the sheet
 * ends). `title` goes above. */
void wn__lab_curve_sheet(const wn__lab_curve *curves, int count, const char *const *names, const char *title, wn__sheet *s);

#endif
