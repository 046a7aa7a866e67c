/* Searching the mapped segments of an index; how they lie in their files is said in
 * segment_layout.py. Whatever a file says is checked before it is followed. */
#ifndef FPSERVICE_SEGMENTS_H
#define FPSERVICE_SEGMENTS_H

#include "hits.h"

enum { FP_TERM_BITS = 28, FP_MAX_BITS = 27 };

/* One segment: its arrays, and the directory's bits. `dead` are rising local numbers. */
typedef struct {
    const unsigned char *positions;
    const unsigned char *durations;
    fp_words ids;
    fp_words starts;
    fp_words postings;
    fp_words dead;
    unsigned bits;
} fp_segment;

/* Where the record of a fingerprint stands, and how many seconds it lasts. */
typedef struct {
    uint64_t position;
    uint32_t duration;
} fp_found;

/* Return whether the sizes of the arrays fit the directory's bits and each other. */
int fp_segment_fits(const fp_segment *segment, size_t positions, size_t durations);

/* Return how many postings a search for these terms, without low bits, has to look at. */
fp_status fp_count_postings(const fp_segment *segments, size_t number, const uint32_t *terms,
                            size_t count, uint64_t *postings);

/* Count how many of the distinct terms, without low bits, each living document has, for at most so
 * many seconds. Up to `gather_limit` postings of a segment are gathered; beyond, documents get
 * counters, which takes memory for each document but not for each posting. */
fp_status fp_count_hits(const fp_segment *segments, size_t number, const uint32_t *terms,
                        size_t count, size_t gather_limit, double seconds, fp_hits *hits);

/* Return whether a living document has the id, and where it stands. */
int fp_find(const fp_segment *segment, uint32_t id, fp_found *found);

#endif
