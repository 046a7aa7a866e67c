/* The newest changes of an index, numbered from 0, that no segment covers yet.
 *
 * Only ever appended to. Readers name how many changes they know, and see no later one. */
#ifndef FPSERVICE_DELTA_H
#define FPSERVICE_DELTA_H

#include "segments.h"

typedef struct fp_delta fp_delta;

/* Make an empty delta; `factor`, which strangers must not know, spreads its tables. */
fp_delta *fp_delta_new(uint64_t factor);
void fp_delta_free(fp_delta *delta);

/* Take in a change: a fingerprint with distinct terms, without low bits; position 0 if it is gone.
 * On FP_NO_MEMORY nothing was changed that a reader could see. */
fp_status fp_delta_append(fp_delta *delta, uint32_t id, uint64_t position, uint32_t duration,
                          const uint32_t *terms, size_t count);

size_t fp_delta_count(const fp_delta *delta);

/* Find the last of the first `changes` changes that is of this fingerprint; 0 if there is none. */
int fp_delta_latest(const fp_delta *delta, uint32_t id, size_t changes, fp_found *found);

/* Add how many of the terms each fingerprint has by the first `changes` changes. */
fp_status fp_delta_count_hits(const fp_delta *delta, const uint32_t *terms, size_t count,
                              size_t changes, fp_hits *hits);

/* Remove the hits of fingerprints that one of the first `changes` changes is of. */
void fp_delta_drop_touched(const fp_delta *delta, size_t changes, fp_hits *hits);

#endif
