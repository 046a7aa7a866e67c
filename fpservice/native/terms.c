#include "terms.h"

#include <stdlib.h>

/* A set of 28-bit terms in an open table of 2**(64 - shift) places, never more than half full. */
typedef struct {
    uint32_t *places;
    unsigned shift;
} fp_set;

/* Return whether the term was not there before. Places hold terms plus 1; 0 is an empty one. */
static int add(fp_set set, uint32_t term) {
    size_t mask = ((size_t)1 << (64 - set.shift)) - 1;
    size_t place = fp_place(term, FP_FACTOR, set.shift);
    for (; set.places[place]; place = (place + 1) & mask) {
        if (set.places[place] == term + 1) return 0;
    }
    set.places[place] = term + 1;
    return 1;
}

static size_t sounding(fp_words hashes) {
    size_t count = 0;
    for (size_t i = 0; i < hashes.count; i++) count += fp_word(hashes, i) != FP_SILENCE;
    return count;
}

size_t fp_query_terms(fp_words hashes, uint32_t terms[FP_MAX_TERMS]) {
    uint32_t places[256] = {0};
    fp_set set = {places, 64 - 8};
    size_t all = sounding(hashes), start = 0, count = 0;
    if (all > FP_MAX_TERMS) start = all - FP_MAX_TERMS;
    if (start > FP_MAX_START) start = FP_MAX_START;
    for (size_t i = start; i < hashes.count && count < FP_MAX_TERMS; i++) {
        uint32_t hash = fp_word(hashes, i), term = hash >> FP_TERM_SHIFT;
        if (hash != FP_SILENCE && add(set, term)) terms[count++] = term << FP_TERM_SHIFT;
    }
    return count;
}

fp_status fp_distinct_terms(fp_words terms, uint32_t **distinct, size_t *count) {
    unsigned bits = 1;
    while ((size_t)1 << bits < 2 * terms.count) bits++;
    fp_set set = {calloc((size_t)1 << bits, sizeof(uint32_t)), 64 - bits};
    *distinct = malloc((terms.count + 1) * sizeof **distinct);
    *count = 0;
    if (!set.places || !*distinct) {
        free(set.places);
        free(*distinct);
        *distinct = NULL;
        return FP_NO_MEMORY;
    }
    for (size_t i = 0; i < terms.count; i++) {
        uint32_t term = fp_word(terms, i) >> FP_TERM_SHIFT;
        if (add(set, term)) (*distinct)[(*count)++] = fp_spread(term);
    }
    free(set.places);
    return FP_OK;
}
