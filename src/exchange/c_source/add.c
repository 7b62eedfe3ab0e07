static void add(const float *a, const shape *fa, const float *b, const shape *fb, const shape *t, float *out, float low, float high)
{
    long c, y, i;
    for (c = 0; c < t->c; c++)
        for (y = 0; y < t->h; y++) {
            const float *p = a + c * fa->plane + y * fa->row, *q = b + c * fb->plane + y * fb->row;
            float *o = out + c * t->plane + y * t->row;
            for (i = 0; i < t->w; i++)
                o[i] = bound(p[i] + q[i], low, high);
        }
}
