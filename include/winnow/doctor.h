/* What this build and this machine have: for `winnow doctor` and for reports of faults. */
#ifndef WINNOW_DOCTOR_H
#define WINNOW_DOCTOR_H

#include "winnow/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One fact. Groups, in this order: "program", "cpu", "threads", "rates" (measured with all threads: floating point, memory), "backend" (name: the backend's), "library" (name: the library's; value: the
 * version in use, or "not in this build"), "tool" (programs that are called: path, or "not found"). Texts are borrowed for the call. */
typedef void (*wn_fact_visit)(void *user, const char *group, const char *name, const char *value);
/* WN_EUSAGE: as wn_check_environment; all facts were visited before. */
WN_API WN_NODISCARD wn_status wn_doctor(wn_fact_visit visit, void *user);

/* WN_EUSAGE: WINNOW_ISA asks for something that this machine does not have, or WINNOW_KERNELS for kernels that there are not. */
WN_API WN_NODISCARD wn_status wn_check_environment(void);

#ifdef __cplusplus
}
#endif
#endif
