#define _POSIX_C_SOURCE 200809L
#include "segments.h"

#include <stdlib.h>
#include <time.h>

/* A search looks at the clock each time it has looked at so many postings. */
enum { PATIENCE = 1 << 16 };

typedef struct {
    double end;
    size_t postings;
} fp_deadline;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int is_late(fp_deadline *deadline, size_t postings) {
    deadline->postings += postings;
    if (deadline->postings < PATIENCE) return 0;
    deadline->postings = 0;
    return now() > deadline->end;
}

int fp_segment_fits(const fp_segment *segment, size_t positions, size_t durations) {
    size_t documents = segment->ids.count;
    return segment->bits <= FP_MAX_BITS && documents <= UINT32_MAX && positions == documents &&
           durations == documents && segment->postings.count <= UINT32_MAX &&
           segment->starts.count == ((size_t)1 << segment->bits) + 1;
}

/* The postings of a term's directory entry. */
typedef struct {
    uint32_t low;
    uint32_t high;
} fp_range;

static inline size_t entry_of(const fp_segment *segment, uint32_t term) {
    return (term & ((UINT32_C(1) << FP_TERM_BITS) - 1)) >> (FP_TERM_BITS - segment->bits);
}

static fp_status find_range(const fp_segment *segment, uint32_t term, fp_range *range) {
    size_t entry = entry_of(segment, term);
    range->low = fp_word(segment->starts, entry);
    range->high = fp_word(segment->starts, entry + 1);
    if (range->low > range->high || range->high > segment->postings.count) return FP_DAMAGED;
    return FP_OK;
}

/* Have the processor fetch what is read next for all terms: memory is waited for but once. */
static void expect_ranges(const fp_segment *segment, const uint32_t *terms, size_t count) {
    for (size_t i = 0; i < count; i++) {
        __builtin_prefetch(segment->starts.bytes + 4 * entry_of(segment, terms[i]));
    }
}

static fp_status find_ranges(const fp_segment *segment, const uint32_t *terms, size_t count,
                             fp_range *ranges, uint64_t *total) {
    for (size_t i = 0; i < count; i++) {
        fp_status status = find_range(segment, terms[i], &ranges[i]);
        if (status != FP_OK) return status;
        *total += ranges[i].high - ranges[i].low;
    }
    return FP_OK;
}

fp_status fp_count_postings(const fp_segment *segments, size_t number, const uint32_t *terms,
                            size_t count, uint64_t *postings) {
    *postings = 0;
    for (size_t which = 0; which < number; which++) {
        if (!segments[which].postings.count) continue;
        expect_ranges(&segments[which], terms, count);
        for (size_t i = 0; i < count; i++) {
            fp_range range;
            fp_status status = find_range(&segments[which], terms[i], &range);
            if (status != FP_OK) return status;
            /* They may lie in two lines of the processor's cache. */
            const unsigned char *first = segments[which].postings.bytes + 4 * (size_t)range.low;
            __builtin_prefetch(first);
            __builtin_prefetch(first + 4 * (size_t)(range.high - range.low));
            *postings += range.high - range.low;
        }
    }
    return FP_OK;
}

static inline unsigned local_bits(const fp_segment *segment) {
    return 32 - FP_TERM_BITS + segment->bits;
}

/* Return the place among rising words where this one stands or would. */
static size_t lower_bound(fp_words words, size_t low, size_t high, uint32_t word) {
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (fp_word(words, middle) < word) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int is_dead(const fp_segment *segment, uint32_t local) {
    size_t place = lower_bound(segment->dead, 0, segment->dead.count, local);
    return place < segment->dead.count && fp_word(segment->dead, place) == local;
}

static fp_status add_document(const fp_segment *segment, uint32_t local, uint32_t number,
                              fp_hits *hits) {
    if (segment->dead.count && is_dead(segment, local)) return FP_OK;
    return fp_hits_add(hits, fp_word(segment->ids, local), number);
}

/* Gather the local numbers of all postings of the terms, one for each hit. A posting is the rest of
 * its term above the local number: XOR leaves the local number where the terms are equal, and
 * something larger where they are not. */
static fp_status gather(const fp_segment *segment, const uint32_t *terms, const fp_range *ranges,
                        size_t count, uint32_t *locals, size_t *gathered) {
    unsigned shift = local_bits(segment);
    uint32_t limit = UINT32_C(1) << shift, highest = 0;
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t rest = terms[i] << shift;
        for (size_t place = ranges[i].low; place < ranges[i].high; place++) {
            uint32_t local = fp_word(segment->postings, place) ^ rest;
            if (local >= limit) continue;
            if (local > highest) highest = local;
            locals[found++] = local;
            __builtin_prefetch(segment->ids.bytes + 4 * (size_t)local);
        }
    }
    *gathered = found;
    return found && highest >= segment->ids.count ? FP_DAMAGED : FP_OK;
}

static fp_status count_gathered(const fp_segment *segment, const uint32_t *terms,
                                const fp_range *ranges, size_t count, size_t postings,
                                fp_hits *hits) {
    fp_hits tallied = {0};
    size_t gathered = 0;
    uint32_t *locals = malloc((postings + 1) * sizeof *locals);
    fp_status status = locals ? FP_OK : FP_NO_MEMORY;
    if (status == FP_OK) status = gather(segment, terms, ranges, count, locals, &gathered);
    if (status == FP_OK) status = fp_tally(locals, gathered, &tallied);
    for (size_t i = 0; i < tallied.count && status == FP_OK; i++) {
        status = add_document(segment, tallied.items[i].id, tallied.items[i].hits, hits);
    }
    free(locals);
    fp_hits_free(&tallied);
    return status;
}

static fp_status fill_counters(const fp_segment *segment, const uint32_t *terms,
                               const fp_range *ranges, size_t count, uint32_t *counters,
                               fp_deadline *deadline) {
    unsigned shift = local_bits(segment);
    uint32_t limit = UINT32_C(1) << shift;
    for (size_t i = 0; i < count; i++) {
        uint32_t rest = terms[i] << shift;
        for (size_t place = ranges[i].low; place < ranges[i].high; place++) {
            uint32_t local = fp_word(segment->postings, place) ^ rest;
            if (local >= limit) continue;
            if (local >= segment->ids.count) return FP_DAMAGED;
            counters[local]++;
        }
        if (is_late(deadline, ranges[i].high - ranges[i].low)) return FP_TOO_LONG;
    }
    return FP_OK;
}

static fp_status count_by_document(const fp_segment *segment, const uint32_t *terms,
                                   const fp_range *ranges, size_t count, fp_deadline *deadline,
                                   fp_hits *hits) {
    size_t documents = segment->ids.count;
    uint32_t *counters = calloc(documents + 1, sizeof *counters);
    if (!counters) return FP_NO_MEMORY;
    fp_status status = fill_counters(segment, terms, ranges, count, counters, deadline);
    for (size_t local = 0; local < documents && status == FP_OK; local++) {
        if (!counters[local]) continue;
        status = add_document(segment, (uint32_t)local, counters[local], hits);
    }
    free(counters);
    return status;
}

static fp_status count_segment(const fp_segment *segment, const uint32_t *terms, fp_range *ranges,
                               size_t count, size_t gather_limit, fp_deadline *deadline,
                               fp_hits *hits) {
    uint64_t postings = 0;
    fp_status status = find_ranges(segment, terms, count, ranges, &postings);
    if (status != FP_OK) return status;
    if (is_late(deadline, PATIENCE)) return FP_TOO_LONG;
    if (postings > gather_limit) {
        return count_by_document(segment, terms, ranges, count, deadline, hits);
    }
    return count_gathered(segment, terms, ranges, count, (size_t)postings, hits);
}

fp_status fp_count_hits(const fp_segment *segments, size_t number, const uint32_t *terms,
                        size_t count, size_t gather_limit, double seconds, fp_hits *hits) {
    fp_deadline deadline = {now() + seconds, 0};
    fp_range *ranges = malloc((count + 1) * sizeof *ranges);
    fp_status status = ranges ? FP_OK : FP_NO_MEMORY;
    for (size_t which = 0; which < number && status == FP_OK; which++) {
        const fp_segment *segment = &segments[which];
        if (!segment->postings.count || !count) continue;
        status = count_segment(segment, terms, ranges, count, gather_limit, &deadline, hits);
    }
    free(ranges);
    return status;
}

/* Ids rise and are distinct, so each end bounds how far an id can be from it: where there are no
 * gaps, nothing is left to be searched. */
int fp_find(const fp_segment *segment, uint32_t id, fp_found *found) {
    size_t count = segment->ids.count;
    if (!count) return 0;
    uint32_t first = fp_word(segment->ids, 0), last = fp_word(segment->ids, count - 1);
    if (id < first || id > last) return 0;
    size_t low = last - id < count ? count - 1 - (last - id) : 0;
    size_t high = id - first < count - 1 ? id - first : count - 1;
    size_t local = lower_bound(segment->ids, low, high, id);
    if (fp_word(segment->ids, local) != id || is_dead(segment, (uint32_t)local)) return 0;
    found->position = fp_load64(segment->positions, local);
    found->duration = fp_load16(segment->durations, local);
    return 1;
}
