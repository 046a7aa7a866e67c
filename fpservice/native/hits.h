/* Hits of a search: which fingerprints have how many of the terms. */
#ifndef FPSERVICE_HITS_H
#define FPSERVICE_HITS_H

#include "words.h"

typedef struct {
    uint32_t id;
    uint32_t hits;
} fp_hit;

/* A list that grows; `fp_hits_free` may be called on a zeroed one. */
typedef struct {
    fp_hit *items;
    size_t count;
    size_t room;
} fp_hits;

fp_status fp_hits_add(fp_hits *hits, uint32_t id, uint32_t number);
void fp_hits_free(fp_hits *hits);

/* Replace `count` keys by the distinct ones with how often each came, as ids and hits. */
fp_status fp_tally(const uint32_t *keys, size_t count, fp_hits *tallied);

/* Leave the best, hits falling, then id rising: at most `limit`, each with at least `min_hits` and
 * at least `min_percent` percent of the hits of the best. */
void fp_hits_best(fp_hits *hits, uint64_t limit, uint64_t min_hits, uint64_t min_percent);

#endif
