#include "claims.h"

#include "winnow/experiment.h"

wn_status wn__put_claims(wn__answer *answer, const char *folder, const wn_report_options *options)
{
    char *text;
    const wn_status status = wn_report_text(folder, WN_REPORT_CLAIMS, options, &text);
    if (status != WN_OK) return status;
    wn__answer_json(answer, "claims", text);
    wn_text_free(text);
    return WN_OK;
}
