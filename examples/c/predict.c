/* What a trained network sees in an image: the classes with the largest probabilities.
 *
 *     predict final.safetensors image.raw     bytes of one image: channels x height x width, red before green before blue
 *     predict final.safetensors               noise, in place of an image
 *
 * cc predict.c -o predict $(pkg-config --cflags --libs winnow) -lm */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <winnow/network.h>

static int fail(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, wn_error_message());
    return 1;
}

/* One image, read or made up. */
static uint8_t *get_pixels(const char *path, size_t size)
{
    uint8_t *pixels = malloc(size);
    FILE *file = path ? fopen(path, "rb") : NULL;
    if (path && (!file || !pixels || fread(pixels, 1, size, file) != size)) {
        fprintf(stderr, "%s: cannot be read as an image of %zu bytes\n", path, size);
        free(pixels);
        pixels = NULL;
    }
    for (size_t i = 0; !path && pixels && i < size; i++)
        pixels[i] = (uint8_t)(rand() % 256);
    if (file) fclose(file);
    return pixels;
}

static void show_top(const wn_network_info *info, float *logits, int count)
{
    double sum = 0, largest = logits[0];
    for (int64_t k = 0; k < info->outputs; k++)
        largest = fmax(largest, logits[k]);
    for (int64_t k = 0; k < info->outputs; k++)
        sum += exp(logits[k] - largest);
    for (int i = 0; i < count && i < info->outputs; i++) {
        int64_t best = 0;
        for (int64_t k = 1; k < info->outputs; k++)
            if (logits[k] > logits[best]) best = k;
        printf("%6.2f %%  class %lld", 100 * exp(logits[best] - largest) / sum, (long long)best);
        printf("%s%s\n", info->class_names ? ": " : "", info->class_names ? info->class_names[best] : "");
        logits[best] = -INFINITY;
    }
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s WEIGHTS [IMAGE]\n", argv[0]);
        return 2;
    }
    wn_network *net;
    if (wn_network_open(argv[1], NULL, &net) != WN_OK) return fail("open");
    wn_network_info info = {.size = sizeof info};
    if (wn_network_look(net, &info) != WN_OK) return fail("look");
    printf("%s: %lld x %lld x %lld to %lld classes, %.1f %% of its weights are zeros\n", info.name, (long long)info.channels,
           (long long)info.height, (long long)info.width, (long long)info.outputs, 100 - 100.0 * (double)info.weights_active / (double)info.weights);

    const size_t size = (size_t)(info.channels * info.height * info.width);
    uint8_t *pixels = get_pixels(argc == 3 ? argv[2] : NULL, size);
    float *x = malloc(size * sizeof *x), *logits = malloc((size_t)info.outputs * sizeof *logits);
    int code = pixels && x && logits ? 0 : 1;
    if (!code && wn_network_normalize(net, pixels, 1, x) != WN_OK) code = fail("normalize");
    if (!code && wn_network_predict(net, x, 1, logits) != WN_OK) code = fail("predict");
    if (!code) show_top(&info, logits, 5);
    free(pixels);
    free(x);
    free(logits);
    wn_network_close(net);
    return code;
}
