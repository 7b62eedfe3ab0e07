/* Weights w[start[o]] .. of output channel o; at[...] is channel, row and column of the window in one number. Sums stand in the output: no other
 * memory is needed. */
static void conv(const float *in, const shape *f, const shape *t, float *out, long kh, long kw, long step, long pad, const float *w,
                 const place *at, const int *start, const float *bias, float low, float high)
{
    long o, i, j, y, x;
    for (o = 0; o < t->c; o++) {
        float *p = out + o * t->plane;
        for (i = 0; i < t->plane; i++)
            p[i] = bias ? bias[o] : 0;
        for (j = start[o]; j < start[o + 1]; j++) {
            const long dx = (long)at[j] % kw - pad, dy = (long)at[j] / kw % kh - pad;
            const float *q = in + (long)at[j] / kw / kh * f->plane + dy * f->row + dx;
            const long y0 = dy < 0 ? (step - 1 - dy) / step : 0, x0 = dx < 0 ? (step - 1 - dx) / step : 0;
            for (y = y0; y < t->h && y * step + dy < f->h; y++)
                for (x = x0; x < t->w && x * step + dx < f->w; x++)
                    p[y * t->row + x] += w[j] * q[(y * f->row + x) * step];
        }
        for (i = 0; i < t->plane; i++)
            p[i] = bound(p[i], low, high);
    }
}
