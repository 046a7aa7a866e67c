#include "delta.h"

#include <stdlib.h>

/* An open table from 32-bit keys to numbers; places hold numbers plus 1, 0 in empty ones. */
typedef struct {
    struct {
        uint32_t key;
        uint32_t number;
    } *places;
    size_t count;
    unsigned bits;
} fp_table;

/* A change; `first` and `before` are the first and the previous one of the same fingerprint. */
typedef struct {
    uint64_t position;
    uint32_t id;
    uint32_t duration;
    uint32_t first;
    uint32_t before;
} fp_event;

/* That a change has a term, and the posting of that term before it. */
typedef struct {
    uint32_t event;
    uint32_t before;
} fp_posting;

struct fp_delta {
    uint64_t factor;
    fp_table terms;
    fp_table ids;
    fp_event *events;
    size_t count, event_room;
    fp_posting *postings;
    size_t posting_count, posting_room;
};

#define NONE UINT32_MAX

static size_t place_of(const fp_table *table, uint64_t factor, uint32_t key) {
    size_t mask = ((size_t)1 << table->bits) - 1;
    /* From the key plus 1: 0 would stay in the first place whatever the factor is. */
    size_t place = fp_place((uint64_t)key + 1, factor, 64 - table->bits);
    while (table->places[place].number && table->places[place].key != key) {
        place = (place + 1) & mask;
    }
    return place;
}

static uint32_t get(const fp_table *table, uint64_t factor, uint32_t key) {
    if (!table->count) return NONE;
    return table->places[place_of(table, factor, key)].number - 1;
}

static void put(fp_table *table, uint64_t factor, uint32_t key, uint32_t number) {
    size_t place = place_of(table, factor, key);
    table->count += !table->places[place].number;
    table->places[place].key = key;
    table->places[place].number = number + 1;
}

/* Make room for so many more keys with the table half empty. */
static fp_status reserve(fp_table *table, uint64_t factor, size_t more) {
    unsigned bits = table->bits ? table->bits : 8;
    while ((size_t)1 << bits < 2 * (table->count + more)) bits++;
    if (bits == table->bits) return FP_OK;
    fp_table larger = {calloc((size_t)1 << bits, sizeof *larger.places), 0, bits};
    if (!larger.places) return FP_NO_MEMORY;
    for (size_t i = 0; table->places && i < (size_t)1 << table->bits; i++) {
        if (!table->places[i].number) continue;
        put(&larger, factor, table->places[i].key, table->places[i].number - 1);
    }
    free(table->places);
    *table = larger;
    return FP_OK;
}

static void *grown(void *items, size_t size, size_t *room, size_t needed) {
    if (needed <= *room) return items;
    size_t wanted = *room ? 2 * *room : 64;
    if (wanted < needed) wanted = needed;
    void *larger = realloc(items, wanted * size);
    if (larger) *room = wanted;
    return larger;
}

static fp_status make_room(fp_delta *delta, size_t terms) {
    size_t events = delta->count + 1, postings = delta->posting_count + terms;
    if (events >= NONE || postings >= NONE) return FP_NO_MEMORY;
    void *grown_events = grown(delta->events, sizeof(fp_event), &delta->event_room, events);
    if (!grown_events) return FP_NO_MEMORY;
    delta->events = grown_events;
    /* One at least, as growing to nothing cannot be told from no memory. */
    void *more = grown(delta->postings, sizeof(fp_posting), &delta->posting_room, postings + 1);
    if (!more) return FP_NO_MEMORY;
    delta->postings = more;
    fp_status status = reserve(&delta->ids, delta->factor, 1);
    return status == FP_OK ? reserve(&delta->terms, delta->factor, terms) : status;
}

fp_delta *fp_delta_new(uint64_t factor) {
    fp_delta *delta = calloc(1, sizeof *delta);
    if (delta) delta->factor = factor | 1;
    return delta;
}

void fp_delta_free(fp_delta *delta) {
    if (!delta) return;
    free(delta->terms.places);
    free(delta->ids.places);
    free(delta->events);
    free(delta->postings);
    free(delta);
}

size_t fp_delta_count(const fp_delta *delta) {
    return delta->count;
}

fp_status fp_delta_append(fp_delta *delta, uint32_t id, uint64_t position, uint32_t duration,
                          const uint32_t *terms, size_t count) {
    fp_status status = make_room(delta, count);
    if (status != FP_OK) return status;
    uint32_t number = (uint32_t)delta->count;
    uint32_t before = get(&delta->ids, delta->factor, id);
    uint32_t first = before == NONE ? number : delta->events[before].first;
    for (size_t i = 0; i < count; i++) {
        uint32_t earlier = get(&delta->terms, delta->factor, terms[i]);
        delta->postings[delta->posting_count] = (fp_posting){number, earlier};
        put(&delta->terms, delta->factor, terms[i], (uint32_t)delta->posting_count++);
    }
    delta->events[delta->count++] = (fp_event){position, id, duration, first, before};
    put(&delta->ids, delta->factor, id, number);
    return FP_OK;
}

static uint32_t latest(const fp_delta *delta, uint32_t id, size_t changes) {
    uint32_t number = get(&delta->ids, delta->factor, id);
    while (number != NONE && number >= changes) number = delta->events[number].before;
    return number;
}

int fp_delta_latest(const fp_delta *delta, uint32_t id, size_t changes, fp_found *found) {
    uint32_t number = latest(delta, id, changes);
    if (number == NONE) return 0;
    found->position = delta->events[number].position;
    found->duration = delta->events[number].duration;
    return 1;
}

static int is_touched(const fp_delta *delta, uint32_t id, size_t changes) {
    uint32_t number = get(&delta->ids, delta->factor, id);
    return number != NONE && delta->events[number].first < changes;
}

void fp_delta_drop_touched(const fp_delta *delta, size_t changes, fp_hits *hits) {
    size_t kept = 0;
    for (size_t i = 0; i < hits->count; i++) {
        if (!is_touched(delta, hits->items[i].id, changes)) hits->items[kept++] = hits->items[i];
    }
    hits->count = kept;
}

/* Count the hits of each change, by its number. */
static fp_status count_events(const fp_delta *delta, const uint32_t *terms, size_t count,
                              size_t changes, uint32_t *counters, fp_hits *events) {
    for (size_t i = 0; i < count; i++) {
        uint32_t place = get(&delta->terms, delta->factor, terms[i]);
        for (; place != NONE; place = delta->postings[place].before) {
            uint32_t event = delta->postings[place].event;
            if (event >= changes || counters[event]++) continue;
            if (fp_hits_add(events, event, 0) != FP_OK) return FP_NO_MEMORY;
        }
    }
    return FP_OK;
}

fp_status fp_delta_count_hits(const fp_delta *delta, const uint32_t *terms, size_t count,
                              size_t changes, fp_hits *hits) {
    fp_hits events = {0};
    uint32_t *counters = calloc(delta->count + 1, sizeof *counters);
    if (!counters) return FP_NO_MEMORY;
    fp_status status = count_events(delta, terms, count, changes, counters, &events);
    for (size_t i = 0; i < events.count && status == FP_OK; i++) {
        uint32_t number = events.items[i].id, id = delta->events[number].id;
        if (latest(delta, id, changes) == number) status = fp_hits_add(hits, id, counters[number]);
    }
    free(counters);
    fp_hits_free(&events);
    return status;
}
