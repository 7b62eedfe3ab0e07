/* MATLAB files: numbers and texts of every field of an accepted one can be read. */
#include <stdlib.h>

#include "fuzz.h"
#include "io/mat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wn__mat_structs s;
    char text[64];
    double number;
    if (wn__mat_read_structs("input", data, size, &s) == WN_OK) {
        if (wn__mat_field(&s, "WNID") >= s.fields) abort();
        for (int64_t i = 0; i < s.count * s.fields; i++) {
            if (wn__mat_text(&s.value[i], text, sizeof text)) (void)text[0];
            if (wn__mat_number(&s.value[i], &number)) (void)number;
        }
    }
    wn__mat_release(&s);
    return 0;
}
