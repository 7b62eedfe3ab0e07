static void linear(const float *in, float *out, long n, long step, const float *w, const place *at, const int *start, const float *bias,
                   float low, float high)
{
    long o, j;
    for (o = 0; o < n; o++) {
        float a = bias ? bias[o] : 0, b = 0, c = 0, d = 0;
        for (j = start[o]; j + 4 <= start[o + 1]; j += 4) {
            a += w[j] * in[at[j]];
            b += w[j + 1] * in[at[j + 1]];
            c += w[j + 2] * in[at[j + 2]];
            d += w[j + 3] * in[at[j + 3]];
        }
        for (; j < start[o + 1]; j++)
            a += w[j] * in[at[j]];
        out[o * step] = bound((a + b) + (c + d), low, high);
    }
}
