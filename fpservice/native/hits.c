#include "hits.h"

#include <stdlib.h>

fp_status fp_hits_add(fp_hits *hits, uint32_t id, uint32_t number) {
    if (hits->count == hits->room) {
        size_t room = hits->room ? 2 * hits->room : 256;
        fp_hit *items = realloc(hits->items, room * sizeof *items);
        if (!items) return FP_NO_MEMORY;
        hits->items = items;
        hits->room = room;
    }
    hits->items[hits->count++] = (fp_hit){id, number};
    return FP_OK;
}

void fp_hits_free(fp_hits *hits) {
    free(hits->items);
    *hits = (fp_hits){0};
}

/* Places of the table hold places in the list plus 1; it is never more than half full. */
fp_status fp_tally(const uint32_t *keys, size_t count, fp_hits *tallied) {
    unsigned bits = 1;
    while ((size_t)1 << bits < 2 * count) bits++;
    size_t mask = ((size_t)1 << bits) - 1;
    uint32_t *table = calloc(mask + 1, sizeof *table);
    fp_status status = table ? FP_OK : FP_NO_MEMORY;
    for (size_t i = 0; i < count && status == FP_OK; i++) {
        size_t place = fp_place(keys[i], FP_FACTOR, 64 - bits);
        while (table[place] && tallied->items[table[place] - 1].id != keys[i]) {
            place = (place + 1) & mask;
        }
        if (table[place]) {
            tallied->items[table[place] - 1].hits++;
            continue;
        }
        status = fp_hits_add(tallied, keys[i], 1);
        table[place] = (uint32_t)tallied->count;
    }
    free(table);
    return status;
}

static int is_before(fp_hit a, fp_hit b) {
    return a.hits != b.hits ? a.hits > b.hits : a.id < b.id;
}

/* Let an item sink in a heap whose top is what comes last. */
static void sink(fp_hit *heap, size_t count, size_t place) {
    fp_hit item = heap[place];
    for (size_t child; (child = 2 * place + 1) < count; place = child) {
        if (child + 1 < count && is_before(heap[child], heap[child + 1])) child++;
        if (!is_before(item, heap[child])) break;
        heap[place] = heap[child];
    }
    heap[place] = item;
}

/* Sort by a heap of those that come first: the time is bounded, whatever the order was. */
static void sort_first(fp_hit *items, size_t count, size_t limit) {
    for (size_t place = limit / 2; place-- > 0;) sink(items, limit, place);
    for (size_t i = limit; i < count; i++) {
        if (!is_before(items[i], items[0])) continue;
        items[0] = items[i];
        sink(items, limit, 0);
    }
    for (size_t end = limit; end-- > 1;) {
        fp_hit last = items[0];
        items[0] = items[end];
        items[end] = last;
        sink(items, end, 0);
    }
}

static size_t keep_at_least(fp_hit *items, size_t count, uint64_t least) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (items[i].hits >= least) items[kept++] = items[i];
    }
    return kept;
}

void fp_hits_best(fp_hits *hits, uint64_t limit, uint64_t min_hits, uint64_t min_percent) {
    uint32_t best = 0;
    for (size_t i = 0; i < hits->count; i++) {
        if (hits->items[i].hits > best) best = hits->items[i].hits;
    }
    uint64_t least = ((uint64_t)best * min_percent + 99) / 100;
    if (min_hits > least) least = min_hits;
    hits->count = keep_at_least(hits->items, hits->count, least);
    if (limit > hits->count) limit = hits->count;
    if (limit) sort_first(hits->items, hits->count, (size_t)limit);
    hits->count = (size_t)limit;
}
