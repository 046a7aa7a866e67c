#include "compare.h"

#include <math.h>
#include <stdlib.h>

enum { KEY_SHIFT = 32 - 14, SILENT_KEY = FP_KEYS - 1 };
static const double MIN_VOTE_SHARE = 0.02;

struct fp_scratch {
    size_t widest;   /* offsets run from -widest to widest */
    uint32_t *met;   /* positions in the candidate whose keys the query has too, rising */
    uint32_t *last;  /* by slot: the last of those positions; of no meaning for other slots */
    uint32_t *votes; /* by offset + widest */
    uint16_t *key;   /* by offset + widest: the highest key that voted */
};

static inline uint32_t key_at(fp_words words, size_t place) {
    return fp_word(words, place) >> KEY_SHIFT;
}

static inline uint64_t bit_of(uint32_t key) {
    return UINT64_C(1) << (key % 64);
}

static size_t distinct_keys(fp_words words) {
    uint64_t seen[FP_KEYS / 64] = {0};
    size_t count = 0;
    for (size_t i = 0; i < words.count; i++) {
        uint32_t key = key_at(words, i);
        count += !(seen[key / 64] & bit_of(key));
        seen[key / 64] |= bit_of(key);
    }
    return count;
}

/* Give a slot to each key that can vote, and note its last position. Position 0 counts as absent,
 * as in the original, and the key of all ones does not vote. */
static size_t give_slots(fp_query *query) {
    size_t slots = 0;
    for (size_t i = 1; i < query->query.count; i++) {
        uint32_t key = key_at(query->query, i);
        if (key == SILENT_KEY) continue;
        uint16_t *slot = &query->slot_of[key];
        if (!*slot) *slot = (uint16_t)++slots;
        query->votes[key / 64] |= bit_of(key);
        query->position[*slot] = (uint32_t)i;
    }
    return slots;
}

fp_query *fp_query_new(fp_words words, size_t max_offset) {
    if (words.count > UINT32_MAX) return NULL;
    fp_query *query = calloc(1, sizeof *query);
    if (!query) return NULL;
    size_t room = (words.count < FP_KEYS ? words.count : FP_KEYS) + 1;
    query->query = words;
    query->max_offset = max_offset;
    query->position = malloc(room * sizeof *query->position);
    if (!query->position) {
        fp_query_free(query);
        return NULL;
    }
    query->slots = give_slots(query);
    query->distinct = distinct_keys(words);
    return query;
}

void fp_query_free(fp_query *query) {
    if (!query) return;
    free(query->position);
    free(query);
}

fp_scratch *fp_scratch_new(const fp_query *query, size_t longest) {
    size_t own = query->query.count, widest = own > longest ? own : longest;
    if (query->max_offset && query->max_offset < widest) widest = query->max_offset;
    if (longest > UINT32_MAX) return NULL;
    fp_scratch *scratch = calloc(1, sizeof *scratch);
    if (!scratch) return NULL;
    scratch->widest = widest;
    scratch->met = malloc((longest + 1) * sizeof *scratch->met);
    scratch->last = malloc((query->slots + 1) * sizeof *scratch->last);
    scratch->votes = malloc((2 * widest + 1) * sizeof *scratch->votes);
    scratch->key = malloc((2 * widest + 1) * sizeof *scratch->key);
    if (!scratch->met || !scratch->last || !scratch->votes || !scratch->key) {
        fp_scratch_free(scratch);
        return NULL;
    }
    return scratch;
}

void fp_scratch_free(fp_scratch *scratch) {
    if (!scratch) return;
    free(scratch->met);
    free(scratch->last);
    free(scratch->votes);
    free(scratch->key);
    free(scratch);
}

static inline uint16_t slot_at(const fp_query *query, fp_words candidate, size_t place) {
    return query->slot_of[key_at(candidate, place)];
}

/* Note where the candidate has keys of the query; return in how many places. Without branches:
 * whether a hash has one cannot be foreseen, and in most candidates few have. The bits stay in the
 * processor's nearest cache, where the slots leave no room for others. */
static size_t meet(const fp_query *query, fp_words candidate, uint32_t *met) {
    size_t count = 0;
    for (size_t i = 1; i < candidate.count; i++) {
        uint32_t key = key_at(candidate, i);
        met[count] = (uint32_t)i;
        count += query->votes[key / 64] >> (key % 64) & 1;
    }
    return count;
}

/* Return the place of the offset that the key at this position votes for; -1 if it is not the key's
 * last position, or too far off. */
static inline long voted(const fp_query *query, fp_words candidate, const fp_scratch *scratch,
                         uint32_t position) {
    uint16_t slot = slot_at(query, candidate, position);
    long place = (long)query->position[slot] - (long)position + (long)scratch->widest;
    if (scratch->last[slot] != position || place > 2 * (long)scratch->widest) return -1;
    return place;
}

/* Count the votes: one for each key, by its last positions. Return the most that an offset has. */
static uint32_t vote(const fp_query *query, fp_words candidate, fp_scratch *scratch, size_t met) {
    uint32_t most = 0;
    memset(scratch->votes, 0, (2 * scratch->widest + 1) * sizeof *scratch->votes);
    for (size_t i = 0; i < met; i++) {
        scratch->last[slot_at(query, candidate, scratch->met[i])] = scratch->met[i];
    }
    for (size_t i = 0; i < met; i++) {
        long place = voted(query, candidate, scratch, scratch->met[i]);
        if (place < 0) continue;
        uint32_t votes = ++scratch->votes[place];
        if (votes > most) most = votes;
    }
    return most;
}

/* Return the place of one of the offsets with so many votes, and whether there are more of them. */
static size_t any_winner(const fp_scratch *scratch, uint32_t most, int *tied) {
    size_t width = 2 * scratch->widest + 1, winner = width;
    *tied = 0;
    for (size_t place = 0; place < width; place++) {
        if (scratch->votes[place] != most) continue;
        *tied = winner != width;
        winner = place;
    }
    return winner;
}

/* Return the place of the offset that won with so many votes. With keys visited in rising order,
 * the first of equals to have them all is the one whose highest key is lowest: each votes once. */
static size_t first_winner(const fp_query *query, fp_words candidate, fp_scratch *scratch,
                           size_t met, uint32_t most) {
    size_t width = 2 * scratch->widest + 1, winner = width;
    memset(scratch->key, 0, width * sizeof *scratch->key);
    for (size_t i = 0; i < met; i++) {
        long place = voted(query, candidate, scratch, scratch->met[i]);
        if (place < 0 || scratch->votes[place] != most) continue;
        uint16_t key = (uint16_t)key_at(candidate, scratch->met[i]);
        if (key > scratch->key[place]) scratch->key[place] = key;
    }
    for (size_t place = 0; place < width; place++) {
        if (scratch->votes[place] != most) continue;
        if (winner == width || scratch->key[place] < scratch->key[winner]) winner = place;
    }
    return winner;
}

/* Count the different keys of the query from a position on. */
static size_t distinct_from(const fp_query *query, size_t start) {
    return start ? distinct_keys(fp_from(query->query, start)) : query->distinct;
}

/* Count the bits in which words differ; of plain operations, so that compilers can do several words
 * at once on any processor. */
static uint64_t differing_bits(fp_words a, fp_words b, size_t count) {
    uint64_t total = 0;
    for (size_t start = 0; start < count; start += 4096) {
        size_t end = count - start < 4096 ? count : start + 4096;
        uint32_t sum = 0;
        for (size_t i = start; i < end; i++) {
            uint32_t bits = fp_word(a, i) ^ fp_word(b, i);
            bits -= bits >> 1 & 0x55555555;
            bits = (bits & 0x33333333) + (bits >> 2 & 0x33333333);
            bits = (bits + (bits >> 4)) & 0x0F0F0F0F;
            bits += bits >> 8;
            sum += (bits + (bits >> 16)) & 63;
        }
        total += sum;
    }
    return total;
}

static double smaller(double a, double b) {
    return b < a ? b : a;
}

static double score_at(const fp_query *query, fp_words candidate, long offset, uint32_t votes) {
    size_t skip_query = offset > 0 ? (size_t)offset : 0;
    size_t skip_candidate = offset < 0 ? (size_t)-offset : 0;
    size_t own = query->query.count;
    size_t shorter = (own < candidate.count ? own : candidate.count) & ~(size_t)1;
    fp_words a = fp_from(query->query, skip_query), b = fp_from(candidate, skip_candidate);
    size_t size = (a.count < b.count ? a.count : b.count) & ~(size_t)1;
    if (!size || !shorter) return 0.0;
    size_t unique_a = distinct_from(query, skip_query), unique_b = distinct_keys(b);
    size_t unique = unique_a > unique_b ? unique_a : unique_b;
    if (votes < MIN_VOTE_SHARE * (double)unique) return 0.0;
    double errors = (double)differing_bits(a, b, size), compared = (double)size;
    double score = compared / (double)shorter * (1.0 - 2.0 * errors / (32.0 * compared));
    if (!(score > 0.0)) score = 0.0;
    double diversity = smaller(1.0, (double)(unique_a + 10) / (double)a.count + 0.5);
    diversity = smaller(diversity, (double)(unique_b + 10) / (double)b.count + 0.5);
    return diversity < 1.0 ? pow(score, 8.0 - 7.0 * diversity) : score;
}

double fp_score(const fp_query *query, fp_words candidate, fp_scratch *scratch) {
    if (!query->query.count || !candidate.count) return 0.0;
    size_t met = meet(query, candidate, scratch->met), widest = scratch->widest;
    uint32_t most = vote(query, candidate, scratch, met);
    /* What an offset cuts off holds no more keys than hashes: enough to tell strangers at once. */
    size_t least = query->distinct > widest ? query->distinct - widest : 0;
    if (!most || most < MIN_VOTE_SHARE * (double)least) return 0.0;
    int tied;
    size_t place = any_winner(scratch, most, &tied);
    if (tied) place = first_winner(query, candidate, scratch, met, most);
    return score_at(query, candidate, (long)place - (long)widest, most);
}
