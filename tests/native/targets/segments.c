/* Segments of any bytes are searched without harm; whole ones give what a plain count gives. */
#include "segments.h"

#include <math.h>

#include "target.h"

enum { MOST_TERMS = 64, MOST_DOCUMENTS = 40 };

/* The arrays of a segment, each in memory of its own. */
typedef struct {
    fp_segment segment;
    void *arrays[6];
} Mapped;

static fp_words map_words(Mapped *mapped, int array, const uint32_t *words, size_t count) {
    mapped->arrays[array] = exactly(words, 4 * count);
    return as_words(mapped->arrays[array], count);
}

static void unmap(Mapped *mapped) {
    for (int i = 0; i < 6; i++) free(mapped->arrays[i]);
}

static int by_hits(const void *a, const void *b) {
    const fp_hit *one = a, *other = b;
    if (one->hits != other->hits) return one->hits < other->hits ? 1 : -1;
    return one->id < other->id ? -1 : one->id > other->id;
}

static void check_best(const fp_hits *hits, uint64_t limit, uint64_t least, uint64_t percent) {
    fp_hits best = {exactly(hits->items, hits->count * sizeof(fp_hit)), hits->count, hits->count};
    fp_hit *sorted = exactly(hits->items, hits->count * sizeof(fp_hit));
    size_t kept = 0;
    if (hits->count) qsort(sorted, hits->count, sizeof *sorted, by_hits);
    for (size_t i = 0; i < hits->count && kept < limit; i++) {
        if (sorted[i].hits < least || sorted[i].hits * 100ull < sorted[0].hits * percent) continue;
        sorted[kept++] = sorted[i];
    }
    fp_hits_best(&best, limit, least, percent);
    HOLDS(best.count == kept);
    for (size_t i = 0; i < kept; i++) HOLDS(best.items[i].hits == sorted[i].hits);
    for (size_t i = 0; i < kept; i++) HOLDS(best.items[i].id == sorted[i].id);
    free(sorted);
    fp_hits_free(&best);
}

/* Search, and return the hits by id; gathered and counted by document they are the same. */
static fp_status count_both(const fp_segment *segment, const uint32_t *terms, size_t count,
                            fp_hits *hits) {
    fp_hits others = {0};
    fp_status status = fp_count_hits(segment, 1, terms, count, SIZE_MAX, INFINITY, hits);
    fp_status other = fp_count_hits(segment, 1, terms, count, 0, INFINITY, &others);
    HOLDS(status == other);
    if (status == FP_OK) {
        HOLDS(hits->count == others.count);
    }
    if (status == FP_OK && hits->count) {
        qsort(hits->items, hits->count, sizeof(fp_hit), by_hits);
        qsort(others.items, others.count, sizeof(fp_hit), by_hits);
        HOLDS(!memcmp(hits->items, others.items, hits->count * sizeof(fp_hit)));
    }
    fp_hits_free(&others);
    return status;
}

/* Whatever the arrays hold, nothing beyond them is read. */
static void any_arrays(Input *input) {
    Mapped mapped = {0};
    unsigned bits = take_byte(input) % 7, documents = take_byte(input) % MOST_DOCUMENTS;
    size_t count, postings = take_byte(input), dead, terms_count;
    uint32_t *terms = take_words(input, take_byte(input) % MOST_TERMS, 0, &terms_count);
    uint32_t *starts = calloc(((size_t)1 << bits) + 1, 4);
    HOLDS(starts);
    for (size_t i = 0; i <= (size_t)1 << bits; i++) starts[i] = take_byte(input);
    uint32_t *ids = take_words(input, documents, 0, &count);
    uint32_t *dead_ones = take_words(input, take_byte(input) % 4, MOST_DOCUMENTS, &dead);
    uint32_t *words = take_words(input, postings, 0, &postings);
    fp_segment *segment = &mapped.segment;
    segment->bits = bits;
    segment->starts = map_words(&mapped, 0, starts, ((size_t)1 << bits) + 1);
    segment->ids = map_words(&mapped, 1, ids, count);
    segment->postings = map_words(&mapped, 2, words, postings);
    segment->dead = map_words(&mapped, 3, dead_ones, dead);
    segment->positions = mapped.arrays[4] = calloc(count + 1, 8);
    segment->durations = mapped.arrays[5] = calloc(count + 1, 2);
    HOLDS(segment->positions && segment->durations);
    for (size_t i = 0; i < terms_count; i++) terms[i] &= (1u << FP_TERM_BITS) - 1;
    if (fp_segment_fits(segment, count, count)) {
        fp_hits hits = {0};
        uint64_t all;
        fp_count_postings(segment, 1, terms, terms_count, &all);
        fp_status status = fp_count_hits(segment, 1, terms, terms_count, 1 << 18, INFINITY, &hits);
        if (status == FP_OK) check_best(&hits, documents, take_byte(input), take_byte(input));
        fp_hits_free(&hits);
        fp_count_hits(segment, 1, terms, terms_count, 0, INFINITY, &hits);
        fp_hits_free(&hits);
        for (size_t i = 0; i < terms_count; i++) {
            fp_found found;
            fp_find(segment, terms[i], &found);
            if (count) fp_find(segment, ids[i % count], &found);
        }
    }
    unmap(&mapped);
    free(terms), free(starts), free(ids), free(dead_ones), free(words);
}

typedef struct {
    uint32_t term;
    uint32_t local;
} Pair;

static int by_term(const void *a, const void *b) {
    const Pair *one = a, *other = b;
    if (one->term != other->term) return one->term < other->term ? -1 : 1;
    return one->local < other->local ? -1 : one->local > other->local;
}

/* Lay pairs out as the writer of segments does. */
static void lay_out(Mapped *mapped, Pair *pairs, size_t count, unsigned bits) {
    size_t entries = (size_t)1 << bits, next = 0;
    uint32_t *starts = malloc(4 * (entries + 1)), *postings = malloc(4 * (count + 1));
    HOLDS(starts && postings);
    qsort(pairs, count, sizeof *pairs, by_term);
    for (size_t entry = 0; entry <= entries; entry++) {
        starts[entry] = (uint32_t)next;
        while (next < count && pairs[next].term >> (FP_TERM_BITS - bits) == entry) next++;
    }
    for (size_t i = 0; i < count; i++) {
        postings[i] = pairs[i].term << (32 - FP_TERM_BITS + bits) | pairs[i].local;
    }
    mapped->segment.bits = bits;
    mapped->segment.starts = map_words(mapped, 0, starts, entries + 1);
    mapped->segment.postings = map_words(mapped, 2, postings, count);
    free(starts);
    free(postings);
}

static void check_finding(const fp_segment *segment, const uint32_t *ids, size_t documents,
                          uint32_t dead) {
    for (uint32_t id = 0; id <= ids[documents - 1] + 1; id++) {
        size_t local = 0;
        while (local < documents && ids[local] != id) local++;
        fp_found found;
        int there = local < documents && local != dead;
        HOLDS(fp_find(segment, id, &found) == there);
        if (there) HOLDS(found.position == 1000 + local && found.duration == local);
    }
}

static void whole_segment(Input *input) {
    Mapped mapped = {0};
    static uint32_t terms[MOST_DOCUMENTS][MOST_TERMS], ids[MOST_DOCUMENTS];
    Pair pairs[MOST_DOCUMENTS * 8];
    uint64_t positions[MOST_DOCUMENTS];
    uint16_t durations[MOST_DOCUMENTS];
    unsigned bits = 2 + take_byte(input) % 6, kinds = 1 + take_byte(input);
    uint32_t documents = 1 + take_byte(input) % MOST_DOCUMENTS, dead = take_byte(input) % 64;
    uint32_t id = 0;
    size_t count = 0;
    while (1u << (bits + 4) < documents) bits++;
    for (uint32_t local = 0; local < documents; local++) {
        ids[local] = id += 1 + take_byte(input) % 3;
        positions[local] = 1000 + local;
        durations[local] = (uint16_t)local;
        for (uint32_t i = 0; i < 8; i++) {
            /* Distinct within a document, as terms are. */
            terms[local][i] = (take_byte(input) % kinds * 8 + i) * 0x1234567u & 0xFFFFFFFu;
            pairs[count++] = (Pair){terms[local][i], local};
        }
    }
    lay_out(&mapped, pairs, count, bits);
    mapped.segment.ids = map_words(&mapped, 1, ids, documents);
    mapped.segment.dead = map_words(&mapped, 3, &dead, dead < documents);
    mapped.segment.positions = mapped.arrays[4] = exactly(positions, 8 * (size_t)documents);
    mapped.segment.durations = mapped.arrays[5] = exactly(durations, 2 * (size_t)documents);
    HOLDS(fp_segment_fits(&mapped.segment, documents, documents));
    check_finding(&mapped.segment, ids, documents, dead);
    fp_hits hits = {0};
    HOLDS(count_both(&mapped.segment, terms[0], 8, &hits) == FP_OK);
    size_t found = 0;
    for (uint32_t local = 0; local < documents; local++) {
        uint32_t expected = 0, got = 0;
        for (int i = 0; i < 8; i++) {
            for (int j = 0; j < 8; j++) expected += terms[0][i] == terms[local][j];
        }
        for (size_t i = 0; i < hits.count; i++) {
            if (hits.items[i].id == ids[local]) got += hits.items[i].hits;
        }
        HOLDS(got == (local == dead ? 0 : expected));
        found += got != 0;
    }
    HOLDS(found == hits.count);
    check_best(&hits, 1 + take_byte(input) % 50, take_byte(input) % 9, take_byte(input));
    fp_hits_free(&hits);
    unmap(&mapped);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    Input input = {data, size};
    if (take_byte(&input) % 2) {
        any_arrays(&input);
    } else {
        whole_segment(&input);
    }
    return 0;
}
