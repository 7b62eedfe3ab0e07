/* What holds of every plan: a label names one stage, and every stage is read. */
#ifndef WN_TEST_PLAN_CHECK_H
#define WN_TEST_PLAN_CHECK_H

#include "base/alloc.h"
#include "plan/agenda.h"
#include "test.h"

static void check_plan(const wn__agenda *plan)
{
    bool *read = WN_NEW_ARRAY(bool, plan->stages);
    CHECK(read);
    for (int i = 0; i < plan->rows; i++) {
        const wn__agenda_row *row = &plan->row[i];
        wn__agenda_mark_needed(plan, row->train, read);
        if (row->evaluate >= 0) wn__agenda_mark_needed(plan, row->evaluate, read);
    }
    for (int i = 0; i < plan->stages; i++) {
        if (!read[i]) WN_TEST_FAIL("nothing reads \"%s\"", plan->stage[i].label);
        for (int j = 0; j < i; j++)
            if (strcmp(plan->stage[i].label, plan->stage[j].label) == 0) WN_TEST_FAIL("two stages \"%s\"", plan->stage[i].label);
    }
    wn__free(read);
}

#endif
