/* What public functions ask of their arguments before anything else. WN_EINVAL names the function and the argument, as the caller wrote them: "wn_report_text:
 * text is NULL". Callbacks may always be NULL, and so may structs of options (base/options.h). */
#ifndef WN_BASE_ARGUMENTS_H
#define WN_BASE_ARGUMENTS_H

#include "base/fail.h"

#define WN__NEED(pointer) WN_TRY(wn__need(__func__, #pointer, pointer))
#define WN__NEED_COUNT(count) WN_TRY(wn__need_count(__func__, #count, count))                       /* 0 or more */
#define WN__NEED_TEXTS(count, texts) WN_TRY(wn__need_texts(__func__, #count, count, #texts, texts)) /* so many, none of them NULL */

wn_status wn__need(const char *call, const char *name, const void *pointer);
wn_status wn__need_count(const char *call, const char *name, int64_t count);
wn_status wn__need_texts(const char *call, const char *count_name, int64_t count, const char *name, const char *const *texts);

#endif
