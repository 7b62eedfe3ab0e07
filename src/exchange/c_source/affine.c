static void affine(const float *in, const shape *f, const shape *t, float *out, const float *scale, const float *shift, float low,
                   float high)
{
    long c, y, i;
    for (c = 0; c < t->c; c++)
        for (y = 0; y < t->h; y++)
            for (i = 0; i < t->w; i++)
                out[c * t->plane + y * t->row + i] =
                    bound((scale ? scale[c] : 1) * in[c * f->plane + y * f->row + i] + (shift ? shift[c] : 0), low, high);
}
