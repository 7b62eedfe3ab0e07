static void fetch(const float *x, const shape *t, float *out)
{
    long c, y, i;
    for (c = 0; c < t->c; c++)
        for (y = 0; y < t->h; y++)
            for (i = 0; i < t->w; i++)
                out[c * t->plane + y * t->row + i] = *x++;
}
