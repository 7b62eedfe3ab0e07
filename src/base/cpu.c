#include "base/cpu.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

/* Written once, under pthread_once; constant afterwards. */
static pthread_once_t resolved = PTHREAD_ONCE_INIT;
static wn__isa isa_in_use;
static char wrong_choice[64]; /* the value of WINNOW_ISA that could not be followed, or "" */
static char cpu_name[64];

static const char *const isa_names[] = {
    [WN__ISA_BASE] = "base", [WN__ISA_AVX2] = "avx2", [WN__ISA_AVX512] = "avx512", [WN__ISA_NEON] = "neon"};

const char *wn__isa_name(wn__isa isa) { return isa_names[isa]; }

static bool is_available(wn__isa isa)
{
    if (isa == WN__ISA_BASE) return true;
#if defined(__x86_64__)
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (isa == WN__ISA_AVX2) return avx2;
    if (isa == WN__ISA_AVX512)
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512dq");
#elif defined(__aarch64__)
    if (isa == WN__ISA_NEON) return true;
#endif
    return false;
}

static void find_cpu_name(void)
{
#if defined(__x86_64__)
    unsigned words[12];
    for (unsigned i = 0; i < 3; i++)
        if (!__get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2], &words[4 * i + 3])) return;
    memcpy(cpu_name, words, sizeof words);
#elif defined(__aarch64__)
    strcpy(cpu_name, "aarch64");
#endif
}

static void resolve(void)
{
    find_cpu_name();
    const char *choice = getenv("WINNOW_ISA");
    if (choice && choice[0] != 0) {
        for (wn__isa isa = WN__ISA_BASE; isa <= WN__ISA_NEON; isa++)
            if (strcmp(choice, isa_names[isa]) == 0 && is_available(isa)) {
                isa_in_use = isa;
                return;
            }
        strncpy(wrong_choice, choice, sizeof wrong_choice - 1);
        return;
    }
    for (wn__isa isa = WN__ISA_BASE; isa <= WN__ISA_NEON; isa++)
        if (is_available(isa)) isa_in_use = isa;
}

wn__isa wn__isa_in_use(void)
{
    pthread_once(&resolved, resolve);
    return isa_in_use;
}

wn_status wn__isa_status(void)
{
    pthread_once(&resolved, resolve);
    if (wrong_choice[0] == 0) return WN_OK;
    char available[64] = "";
    for (wn__isa isa = WN__ISA_BASE; isa <= WN__ISA_NEON; isa++)
        if (is_available(isa)) strcat(strcat(available, available[0] ? ", " : ""), isa_names[isa]);
    return wn__fail(WN_EUSAGE, "WINNOW_ISA=%s: this machine has %s", wrong_choice, available);
}

const char *wn__cpu_name(void)
{
    pthread_once(&resolved, resolve);
    return cpu_name[0] ? cpu_name : "unknown CPU";
}

#if defined(__x86_64__)
/* Features that __builtin_cpu_supports of older compilers does not know: bits of CPUID leaf 7, EDX. */
static bool has_newer(unsigned bit)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> bit & 1u);
}
#endif

char *wn__cpu_features(char *text, size_t size)
{
    const struct {
        const char *name;
        bool present;
    } features[] = {
#if defined(__x86_64__)
        {"avx", __builtin_cpu_supports("avx")},
        {"avx2", __builtin_cpu_supports("avx2")},
        {"fma", __builtin_cpu_supports("fma")},
        {"avx512f", __builtin_cpu_supports("avx512f")},
        {"avx512bw", __builtin_cpu_supports("avx512bw")},
        {"avx512dq", __builtin_cpu_supports("avx512dq")},
        {"avx512vl", __builtin_cpu_supports("avx512vl")},
        {"avx512vnni", __builtin_cpu_supports("avx512vnni")},
        {"avx512bf16", __builtin_cpu_supports("avx512bf16")},
        {"avx512fp16", has_newer(23)},
        {"amx-bf16", has_newer(22)},
        {"amx-tile", has_newer(24)},
        {"amx-int8", has_newer(25)},
#elif defined(__aarch64__)
        {"neon", true},
#else
        {"none known", true},
#endif
    };
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++)
        if (features[i].present && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " " : "", features[i].name);
    return text;
}
