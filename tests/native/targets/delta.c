/* The newest changes give what reading through all of them gives, for readers of any of them. */
#include "delta.h"

#include "target.h"

/* More terms than the first table of a delta has room for. */
enum { MOST_CHANGES = 300, TERMS = 4, KINDS = 256, IDS = 12 };

typedef struct {
    uint32_t id;
    uint64_t position;
    uint32_t terms[TERMS];
    size_t count;
} Change;

static Change changes[MOST_CHANGES];

/* Return the last change of a fingerprint among the first ones; their number if there is none. */
static size_t plain_latest(uint32_t id, size_t known) {
    for (size_t i = known; i-- > 0;) {
        if (changes[i].id == id) return i;
    }
    return known;
}

static uint32_t plain_hits(const Change *change, const uint32_t *terms, size_t count) {
    uint32_t hits = 0;
    for (size_t i = 0; i < change->count; i++) {
        for (size_t j = 0; j < count; j++) hits += change->terms[i] == terms[j];
    }
    return hits;
}

static void check(const fp_delta *delta, size_t known, const uint32_t *terms, size_t count) {
    fp_hits hits = {0}, segments = {0};
    HOLDS(fp_delta_count_hits(delta, terms, count, known, &hits) == FP_OK);
    size_t expected = 0;
    for (uint32_t id = 0; id < IDS; id++) {
        size_t latest = plain_latest(id, known);
        fp_found found;
        HOLDS(fp_delta_latest(delta, id, known, &found) == (latest != known));
        HOLDS(fp_hits_add(&segments, id, 1) == FP_OK);
        if (latest == known) continue;
        HOLDS(found.position == changes[latest].position && found.duration == id + 7);
        uint32_t wanted = plain_hits(&changes[latest], terms, count), got = 0;
        for (size_t i = 0; i < hits.count; i++) {
            if (hits.items[i].id == id) got += hits.items[i].hits;
        }
        HOLDS(got == wanted);
        expected += wanted != 0;
    }
    HOLDS(hits.count == expected);
    fp_delta_drop_touched(delta, known, &segments);
    for (size_t i = 0; i < segments.count; i++) {
        HOLDS(plain_latest(segments.items[i].id, known) == known);
    }
    fp_hits_free(&hits);
    fp_hits_free(&segments);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    Input input = {data, size};
    fp_delta *delta = fp_delta_new(take_word(&input));
    HOLDS(delta);
    size_t known = 0;
    for (; known < MOST_CHANGES && input.size; known++) {
        Change *change = &changes[known];
        unsigned head = take_byte(&input);
        *change = (Change){head % IDS, head & 64 ? 0 : 100 + known, {0}, 0};
        if (change->position) change->count = head / IDS % (TERMS + 1);
        for (size_t i = 0; i < change->count; i++) {
            /* Distinct within a change, as terms are. */
            change->terms[i] = take_byte(&input) % KINDS * TERMS + (uint32_t)i;
        }
        HOLDS(fp_delta_append(delta, change->id, change->position, change->id + 7, change->terms,
                              change->count) == FP_OK);
        HOLDS(fp_delta_count(delta) == known + 1);
    }
    static uint32_t terms[KINDS * TERMS];
    uint32_t step = 1 + (uint32_t)size % 29;
    size_t count = 0;
    for (uint32_t term = 0; term < KINDS * TERMS; term += step) terms[count++] = term;
    check(delta, known, terms, count);
    check(delta, known / 2, terms, count);
    fp_delta_free(delta);
    return 0;
}
