/* Query terms: the few hashes under which a fingerprint is indexed and asked for. */
#ifndef FPSERVICE_TERMS_H
#define FPSERVICE_TERMS_H

#include "words.h"

enum { FP_MAX_TERMS = 120, FP_MAX_START = 80, FP_TERM_SHIFT = 4 };
#define FP_SILENCE UINT32_C(627964279)

/* Write the distinct terms in the order of their first occurrence, low bits cleared; return how
 * many. Silence is skipped, and so is the beginning of long recordings. */
size_t fp_query_terms(fp_words hashes, uint32_t terms[FP_MAX_TERMS]);

/* Return the number by which the index keeps a term without low bits; record.py says why, and
 * reckons it too. */
static inline uint32_t fp_spread(uint32_t term) {
    term ^= term >> 14;
    return term * UINT32_C(0xE3779B1) & ((UINT32_C(1) << 28) - 1);
}

/* Write the distinct terms, as the index keeps them, to room for all; the caller frees it. */
fp_status fp_distinct_terms(fp_words terms, uint32_t **distinct, size_t *count);

#endif
