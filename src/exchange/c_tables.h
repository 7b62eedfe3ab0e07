/* The weights of a network that are not zero, as its C source has them: one table for each layer. */
#ifndef WN_EXCHANGE_C_TABLES_H
#define WN_EXCHANGE_C_TABLES_H

#include "exchange/c_layout.h"

typedef struct wn__c_table {
    float *value;   /* (start[rows]) */
    int64_t *at;    /* (start[rows]) which input each multiplies; what the number means depends on the target */
    int64_t *start; /* (rows + 1) of each output channel; NULL: the operation has no such weights */
    int64_t rows;
} wn__c_table;

typedef struct wn__c_tables {
    wn__c_table *table; /* (ops) */
    int ops;
    int64_t stored, largest; /* weights in all; the largest `at` */
} wn__c_tables;

/* WN_EUNSUPPORTED: a weight that is not finite. */
wn_status wn__c_tables_make(const wn__inference *p, const wn__c_layout *l, bool simd, wn__c_tables *out);
void wn__c_tables_release(wn__c_tables *t); /* accepts a zeroed one */

#endif
