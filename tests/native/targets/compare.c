/* Scores equal those of the algorithm as it is described, step by step, without any haste. */
#include "compare.h"

#include <math.h>

#include "target.h"

enum { SILENT_KEY = 16383, MOST = 256 };

static uint32_t last[2][FP_KEYS];

static void note_last(uint32_t *table, const uint32_t *words, size_t count) {
    memset(table, 0, FP_KEYS * sizeof *table);
    for (size_t i = 0; i < count; i++) table[words[i] >> 18] = (uint32_t)i;
}

/* Return the votes of the winner: the first offset to reach the most, by rising keys. */
static uint32_t plain_vote(size_t max_offset, long *offset) {
    static uint32_t votes[2 * MOST + 1];
    uint32_t most = 0, all = 0;
    memset(votes, 0, sizeof votes);
    for (int round = 0; round < 2; round++) {
        for (uint32_t key = 0; key < SILENT_KEY; key++) {
            long distance = (long)last[0][key] - (long)last[1][key];
            if (!last[0][key] || !last[1][key]) continue;
            if (max_offset && labs(distance) > (long)max_offset) continue;
            uint32_t now = ++votes[distance + MOST];
            if (round == 0 && now > most) most = now;
            /* The second time round, the first to get what the most have had. */
            if (round == 1 && now == most && !all++) *offset = distance;
        }
        if (round == 0) memset(votes, 0, sizeof votes);
    }
    return most;
}

static size_t plain_distinct(const uint32_t *words, size_t count) {
    size_t distinct = 0;
    for (size_t i = 0; i < count; i++) {
        size_t j = 0;
        while (words[j] >> 18 != words[i] >> 18) j++;
        distinct += j == i;
    }
    return distinct;
}

static double plain_score(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count,
                          size_t max_offset) {
    long offset = 0;
    note_last(last[0], a, a_count);
    note_last(last[1], b, b_count);
    uint32_t votes = a_count && b_count ? plain_vote(max_offset, &offset) : 0;
    size_t shorter = (a_count < b_count ? a_count : b_count) / 2 * 2;
    if (!votes || !shorter) return 0.0;
    size_t skip_a = offset > 0 ? (size_t)offset : 0, skip_b = offset < 0 ? (size_t)-offset : 0;
    a += skip_a, a_count -= skip_a, b += skip_b, b_count -= skip_b;
    size_t size = (a_count < b_count ? a_count : b_count) / 2 * 2;
    if (!size) return 0.0;
    double unique_a = (double)plain_distinct(a, a_count);
    double unique_b = (double)plain_distinct(b, b_count);
    if (votes < 0.02 * fmax(unique_a, unique_b)) return 0.0;
    double errors = 0.0, compared = (double)size;
    for (size_t i = 0; i < size; i++) errors += (double)__builtin_popcount(a[i] ^ b[i]);
    double score = fmax(0.0, compared / (double)shorter * (1.0 - 2.0 * errors / (32.0 * compared)));
    double diversity = fmin(1.0, (unique_a + 10) / (double)a_count + 0.5);
    diversity = fmin(diversity, (unique_b + 10) / (double)b_count + 0.5);
    return diversity < 1.0 ? pow(score, 8.0 - 7.0 * diversity) : score;
}

static void check(const uint32_t *a, size_t a_count, const uint32_t *b, size_t b_count,
                  size_t max_offset) {
    fp_query *query = fp_query_new(as_words(a, a_count), max_offset);
    HOLDS(query);
    fp_scratch *scratch = fp_scratch_new(query, b_count > a_count ? b_count : a_count);
    HOLDS(scratch);
    double expected = plain_score(a, a_count, b, b_count, max_offset);
    double score = fp_score(query, as_words(b, b_count), scratch);
    HOLDS(score == expected);
    HOLDS(score >= 0.0 && score <= 1.0);
    /* What one comparison leaves in the scratch is nothing to the next. */
    double own = plain_score(a, a_count, a, a_count, max_offset);
    HOLDS(fp_score(query, as_words(a, a_count), scratch) == own);
    HOLDS(fp_score(query, as_words(b, b_count), scratch) == expected);
    fp_scratch_free(scratch);
    fp_query_free(query);
}

/* Words whose keys come again, and whose other bits differ. */
static uint32_t *take_some(Input *input, size_t most, unsigned keys, size_t *count) {
    uint32_t *words = malloc((most + 1) * sizeof *words);
    HOLDS(words);
    for (*count = 0; *count < most && input->size; ++*count) {
        uint32_t key = take_byte(input) % (keys + 1);
        words[*count] = (key == 200 ? SILENT_KEY : key * 77) << 18 | (key * 0x2545u & 0x3FFFF);
    }
    return words;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    Input input = {data, size};
    size_t max_offset = take_byte(&input), keys = take_byte(&input), length = take_byte(&input);
    size_t shift = take_byte(&input) % 100, own, other;
    uint32_t *a = take_some(&input, length, (unsigned)keys, &own);
    uint32_t *b = take_some(&input, MOST, (unsigned)keys, &other);
    uint32_t *exact_a = exactly(a, 4 * own), *exact_b = exactly(b, 4 * other);
    check(exact_a, own, exact_b, other, max_offset);
    /* The query against itself, moved and blurred. */
    if (shift < own) {
        uint32_t *moved = exactly(a + shift, 4 * (own - shift));
        for (size_t i = 0; i < own - shift; i++) moved[i] ^= (uint32_t)length;
        check(exact_a, own, moved, own - shift, max_offset);
        check(moved, own - shift, exact_a, own, max_offset);
        free(moved);
    }
    free(exact_a);
    free(exact_b);
    free(a);
    free(b);
    return 0;
}
