/* Runs exported C source on made inputs and compares what it gives with the outputs beside them; for any machine with a C library.
 * Compiled with -DNAME=net -DUPPER=NET -DHEADER='"net.h"'; x and want come from inputs.h (static const float x[N * INPUTS], want[N * OUTPUTS]). */
#include <stdio.h>

#include HEADER
#include "inputs.h"

#define JOIN(a, b) a##b
#define OF(a, b) JOIN(a, b)

static float scratch[OF(UPPER, _SCRATCH) / 4];

int main(void)
{
    float y[OF(UPPER, _OUTPUTS)], largest = 0, worst = 0;
    long i, k;
    for (k = 0; k < N; k++) {
        OF(NAME, _predict)(x + k * OF(UPPER, _INPUTS), y, scratch);
        for (i = 0; i < OF(UPPER, _OUTPUTS); i++) {
            const float w = want[k * OF(UPPER, _OUTPUTS) + i], d = y[i] > w ? y[i] - w : w - y[i], a = w < 0 ? -w : w;
            if (a > largest) largest = a;
            if (!(d <= worst)) worst = d;
        }
    }
    printf("largest difference by largest output, in 1e-9: %ld\n", (long)(worst / largest * 1e9f));
    return worst <= 1e-5f * largest ? 0 : 1;
}
