/* The planes that a window of stride `step` reads: of phase (y, x) every step-th row and column from there on. */
static void phases(const float *in, const shape *t, float *out, long step, long pad, long ny, long nx, long rows, long row)
{
    long c, y, x, r, q;
    for (c = 0; c < t->c; c++)
        for (y = 0; y < ny; y++)
            for (x = 0; x < nx; x++)
                for (r = 0; r < rows; r++) {
                    const long from = r * step + y - pad;
                    for (q = 0; q < row; q++) {
                        const long at = q * step + x - pad;
                        *out++ = from < 0 || from >= t->h || at < 0 || at >= t->w ? 0 : in[c * t->plane + from * t->row + at];
                    }
                }
}
