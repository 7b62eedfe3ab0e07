/* Coefficients per channel that kernels of batch normalisation take, in any layout. */
#ifndef WN_KERNELS_NORM_H
#define WN_KERNELS_NORM_H

/* xhat * scale + shift = (x - mean) * factor + shift, with factor = scale / std. */
typedef struct wn__norm_values {
    const float *mean, *factor, *shift; /* (c) */
} wn__norm_values;

/* din = factor * dy + offset + slope * (x - mean). */
typedef struct wn__norm_gradients {
    const float *mean, *factor, *offset, *slope; /* (c) */
} wn__norm_gradients;

#endif
