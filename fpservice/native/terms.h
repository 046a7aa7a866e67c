/* Query terms: the few hashes under which a fingerprint is indexed and asked for. */
#ifndef FPSERVICE_TERMS_H
#define FPSERVICE_TERMS_H

#include "words.h"

enum { FP_MAX_TERMS = 120, FP_MAX_START = 80, FP_TERM_SHIFT = 4 };
#define FP_SILENCE UINT32_C(627964279)

/* Write the distinct terms in the order of their first occurrence, low bits cleared; return how
 * many. Silence is skipped, and so is the beginning of long recordings. */
size_t fp_query_terms(fp_words hashes, uint32_t terms[FP_MAX_TERMS]);

/* Write the distinct terms without their low bits to room for all; the caller frees it. */
fp_status fp_distinct_terms(fp_words terms, uint32_t **distinct, size_t *count);

#endif
