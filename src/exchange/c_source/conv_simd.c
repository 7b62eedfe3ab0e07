/* Planes of channels whose rows have gaps of zeros behind them, as wide as windows reach over the edge: a tap of a window is one distance, and lanes run
 * along whole planes. */
#if defined(__GNUC__)
#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif
typedef float lanes __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int masks __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

static lanes all(float value)
{
    lanes v;
    int i;
    for (i = 0; i < LANES; i++)
        v[i] = value;
    return v;
}

static lanes pick(masks which, lanes a, lanes b) { return (lanes)((which & (masks)a) | (~which & (masks)b)); }

static lanes bounded(lanes v, float low, float high)
{
    const lanes a = all(low), b = all(high);
    v = pick(v < a, a, v);
    return pick(v > b, b, v);
}

/* A vector of positions: four sums side by side. */
static void vector_sum(const float *in, float *out, const float *w, const place *at, long count, float bias, float low, float high)
{
    lanes a = all(bias), b = all(0), c = b, d = b;
    long j = 0;
    for (; j + 4 <= count; j += 4) {
        a += all(w[j]) * *(const lanes *)(in + at[j]);
        b += all(w[j + 1]) * *(const lanes *)(in + at[j + 1]);
        c += all(w[j + 2]) * *(const lanes *)(in + at[j + 2]);
        d += all(w[j + 3]) * *(const lanes *)(in + at[j + 3]);
    }
    for (; j < count; j++)
        a += all(w[j]) * *(const lanes *)(in + at[j]);
    *(lanes *)out = bounded((a + b) + (c + d), low, high);
}

/* Four vectors of positions at a time. */
static void plane_sum(const float *in, float *out, long n, const float *w, const place *at, long count, float bias, float low, float high)
{
    long i, j;
    for (i = 0; i + LANES < n; i += 4 * LANES) {
        lanes a = all(bias), b = a, c = a, d = a;
        for (j = 0; j < count; j++) {
            const lanes *p = (const lanes *)(in + i + at[j]);
            const lanes x = all(w[j]);
            a += x * p[0];
            b += x * p[1];
            c += x * p[2];
            d += x * p[3];
        }
        ((lanes *)(out + i))[0] = bounded(a, low, high);
        ((lanes *)(out + i))[1] = bounded(b, low, high);
        ((lanes *)(out + i))[2] = bounded(c, low, high);
        ((lanes *)(out + i))[3] = bounded(d, low, high);
    }
    if (i < n) vector_sum(in + i, out + i, w, at, count, bias, low, high);
}
#else
static void plane_sum(const float *in, float *out, long n, const float *w, const place *at, long count, float bias, float low, float high)
{
    long i, j, k;
    for (i = 0; i < n; i += 16) {
        float a[16];
        for (k = 0; k < 16; k++)
            a[k] = bias;
        for (j = 0; j < count; j++)
            for (k = 0; k < 16; k++)
                a[k] += w[j] * in[i + at[j] + k];
        for (k = 0; k < 16; k++)
            out[i + k] = a[k] < low ? low : a[k] > high ? high : a[k];
    }
}
#endif

/* Weights w[start[o]] .. of output channel o stand for the inputs at[...] places from each position. */
static void conv(const float *in, const shape *t, float *out, const float *w, const place *at, const int *start, const float *bias,
                 float low, float high)
{
    const long n = (t->h - 1) * t->row + t->w;
    long o;
    for (o = 0; o < t->c; o++)
        plane_sum(in, out + o * t->plane, n, w + start[o], at + start[o], start[o + 1] - start[o], bias ? bias[o] : 0, low, high);
}
