/* Which kernels a compressed weight's operations use: the sparse ones, or the dense ones over the weight with its zeros. Both give the same bits
 * on finite data; from a density of about a half on the dense ones are faster.
 *
 * How fast either is for a layer's shape is measured once: the sparse kernels at two densities, the dense ones; a line through the first two
 * meets the third at the break-even density. The verdicts are kept in $XDG_CACHE_HOME/winnow/kernels (else ~/.cache/winnow/kernels), with the
 * CPU's name and the instruction set; a file that is damaged or can't be written costs a new measurement, nothing else.
 */
#ifndef WN_BACKEND_SPARSE_CHOICE_H
#define WN_BACKEND_SPARSE_CHOICE_H

#include "backend/sparse/sparse_device.h"

enum { WN__CHOICE_FORWARD, WN__CHOICE_DATA, WN__CHOICE_PARAMS, WN__CHOICES };

/* WINNOW_KERNELS, if set, goes before what the options say; WN_EUSAGE lists the valid names. */
wn_status wn__kernels_asked(wn__kernels wanted, wn__kernels *out);

/* For a convolution or linear layer of `device`; pattern NULL (a dense weight): all dense but in layers with groups. Never dense: weights that
 * are far smaller compressed, and huge ones. */
void wn__choose(wn__sparse *device, const wn__op_desc *desc, const wn__pattern *pattern, bool dense[WN__CHOICES]);
const char *wn__choice_name(const bool dense[WN__CHOICES]); /* for reports; static */

/* The densities above which the dense kernels are faster. Measures if the cache doesn't know them. */
wn_status wn__break_even(wn__sparse *device, const wn__op_desc *desc, double density[WN__CHOICES]);
void wn__verdicts_free(wn__verdicts *v); /* accepts NULL */

/* Stored entries to their places in the dense weight; the other ones are left alone. */
void wn__expand(wn__pool *pool, const wn__pattern *pattern, const float *stored, float *dense);

#endif
