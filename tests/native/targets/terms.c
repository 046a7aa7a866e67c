/* Query terms and distinct terms agree with a search of all terms before each. */
#include "terms.h"

#include "target.h"

static int is_among(const uint32_t *words, size_t count, uint32_t word) {
    for (size_t i = 0; i < count; i++) {
        if (words[i] == word) return 1;
    }
    return 0;
}

static size_t plain_query(const uint32_t *hashes, size_t count, uint32_t *terms) {
    size_t sounding = 0, found = 0;
    for (size_t i = 0; i < count; i++) sounding += hashes[i] != FP_SILENCE;
    size_t start = sounding > 200 ? 80 : sounding > 120 ? sounding - 120 : 0;
    for (size_t i = start; i < count && found < 120; i++) {
        uint32_t term = hashes[i] & 0xFFFFFFF0u;
        if (hashes[i] != FP_SILENCE && !is_among(terms, found, term)) terms[found++] = term;
    }
    return found;
}

static void check_query(const uint32_t *hashes, size_t count) {
    uint32_t terms[FP_MAX_TERMS], expected[FP_MAX_TERMS];
    size_t found = fp_query_terms(as_words(hashes, count), terms);
    HOLDS(found == plain_query(hashes, count, expected));
    HOLDS(!memcmp(terms, expected, 4 * found));
}

static void check_distinct(const uint32_t *words, size_t count) {
    uint32_t *distinct;
    size_t found, expected = 0;
    HOLDS(fp_distinct_terms(as_words(words, count), &distinct, &found) == FP_OK);
    for (size_t i = 0; i < count; i++) {
        uint32_t term = fp_spread(words[i] >> 4);
        if (is_among(distinct, expected, term)) continue;
        HOLDS(expected < found && distinct[expected++] == term);
    }
    HOLDS(expected == found);
    free(distinct);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    Input input = {data, size};
    unsigned kinds = take_byte(&input);
    size_t count;
    uint32_t *words = take_words(&input, 700, kinds, &count);
    for (size_t i = 0; i < count; i++) {
        if (words[i] % 13 == 0) words[i] = FP_SILENCE;
    }
    uint32_t *exact = exactly(words, 4 * count);
    check_query(exact, count);
    check_distinct(exact, count);
    free(exact);
    free(words);
    return 0;
}
