/* Zeros around the values: `before` the first plane, in the gaps, and behind the last. */
static void border(float *out, const shape *t, long before, long after)
{
    long i, c, y;
    for (i = 1; i <= before; i++)
        out[-i] = 0;
    for (c = 0; c < t->c; c++) {
        float *p = out + c * t->plane;
        for (y = 0; y < t->h; y++)
            for (i = t->w; i < t->row; i++)
                p[y * t->row + i] = 0;
        for (i = t->h * t->row; i < t->plane; i++)
            p[i] = 0;
    }
    for (i = 0; i < after; i++)
        out[t->c * t->plane + i] = 0;
}
