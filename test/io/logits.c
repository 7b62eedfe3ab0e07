/* Logits of a weights file, for test/io/torch_networks.py: logits FILE CHANNELS ROWS COLUMNS <floats >floats. */
#include <stdio.h>
#include <stdlib.h>

#include "winnow/network.h"

static int fail(void)
{
    fprintf(stderr, "%s\n", wn_error_message());
    return 1;
}

int main(int argc, char **argv)
{
    wn_network *net;
    wn_network_info info = {.size = sizeof info};
    if (argc != 5) return 2;
    const size_t size = (size_t)atoi(argv[2]) * (size_t)atoi(argv[3]) * (size_t)atoi(argv[4]);
    float *image = malloc(size * sizeof *image);
    if (wn_network_open(argv[1], NULL, &net) != WN_OK || wn_network_look(net, &info) != WN_OK) return fail();
    float *logits = malloc((size_t)info.outputs * sizeof *logits);
    while (image && logits && fread(image, sizeof *image, size, stdin) == size) {
        if (wn_network_predict(net, image, 1, logits) != WN_OK) return fail();
        fwrite(logits, sizeof *logits, (size_t)info.outputs, stdout);
    }
    wn_network_close(net);
    free(image);
    free(logits);
    return 0;
}
