/* What the CPU can do, and what it is asked to use. */
#ifndef WN_BASE_CPU_H
#define WN_BASE_CPU_H

#include "winnow/core.h"

typedef enum wn__isa { WN__ISA_BASE, WN__ISA_AVX2, WN__ISA_AVX512, WN__ISA_NEON } wn__isa;

/* The best instruction set of this CPU, lowered by WINNOW_ISA=base|avx2|avx512|neon if set; resolved once.
 * An unknown or unavailable WINNOW_ISA is an error, reported by wn__isa_status. */
wn__isa wn__isa_in_use(void);
wn_status wn__isa_status(void);
const char *wn__isa_name(wn__isa isa);
const char *wn__cpu_name(void); /* brand string */
/* What of interest the CPU has beyond its base, "avx2 fma avx512f ...", whatever WINNOW_ISA says; into the caller's buffer, which is returned. */
char *wn__cpu_features(char *text, size_t size);

#endif
