/* How alike two fingerprints sound: the comparison score of the AcoustID field.
 *
 * Each hash votes, by its top 14 bits (its key), for the offset that lays one fingerprint over the
 * other; at the offset with most votes the differing bits are counted.
 *
 * Source of the algorithm: AcoustID's acoustid_compare2. The arithmetic is that of the numpy
 * implementation, operation by operation, so that scores are equal to the last bit. */
#ifndef FPSERVICE_COMPARE_H
#define FPSERVICE_COMPARE_H

#include "words.h"

enum { FP_KEYS = 1 << 14 };

/* A query prepared for being compared with many. Keys that can vote have slots, counted from 1. */
typedef struct {
    fp_words query;
    size_t max_offset;
    size_t slots;
    size_t distinct;
    uint32_t *position;
    uint64_t votes[FP_KEYS / 64]; /* a bit for each key that can */
    uint16_t slot_of[FP_KEYS];
} fp_query;

/* Working memory of one thread. */
typedef struct fp_scratch fp_scratch;

/* Prepare a query, whose words must outlive it; offsets beyond `max_offset` do not vote (0: all
 * do). NULL if there is no memory. */
fp_query *fp_query_new(fp_words query, size_t max_offset);
void fp_query_free(fp_query *query);

/* Return memory for comparing with candidates of at most so many hashes; NULL if there is none. */
fp_scratch *fp_scratch_new(const fp_query *query, size_t longest);
void fp_scratch_free(fp_scratch *scratch);

/* Return the score, 0 ... 1, of a candidate that is not longer than the scratch was made for. */
double fp_score(const fp_query *query, fp_words candidate, fp_scratch *scratch);

#endif
