/* The largest or the mean value of windows; what is outside the input does not count. */
static void pool(const float *in, const shape *f, const shape *t, float *out, long kh, long kw, long step, long pad, int largest)
{
    long c, y, x, i, j;
    for (c = 0; c < t->c; c++)
        for (y = 0; y < t->h; y++)
            for (x = 0; x < t->w; x++) {
                const long y0 = y * step - pad < 0 ? 0 : y * step - pad, y1 = y * step - pad + kh > f->h ? f->h : y * step - pad + kh;
                const long x0 = x * step - pad < 0 ? 0 : x * step - pad, x1 = x * step - pad + kw > f->w ? f->w : x * step - pad + kw;
                float a = largest ? in[c * f->plane + y0 * f->row + x0] : 0;
                for (i = y0; i < y1; i++)
                    for (j = x0; j < x1; j++) {
                        const float v = in[c * f->plane + i * f->row + j];
                        a = !largest ? a + v : v > a ? v : a;
                    }
                out[c * t->plane + y * t->row + x] = largest ? a : a / (float)((y1 - y0) * (x1 - x0));
            }
}
