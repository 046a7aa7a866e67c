#include "checksum.h"

#include "words.h"

/* Eight bytes at a time, by a table for each ("slicing-by-8", Kounavis and Berry 2005). */
enum { SLICES = 8 };

static uint32_t tables[SLICES][256];

__attribute__((constructor)) static void fill_tables(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t rest = byte;
        for (int bit = 0; bit < 8; bit++) rest = rest >> 1 ^ (rest & 1 ? UINT32_C(0xEDB88320) : 0);
        tables[0][byte] = rest;
    }
    for (int slice = 1; slice < SLICES; slice++) {
        for (int byte = 0; byte < 256; byte++) {
            uint32_t rest = tables[slice - 1][byte];
            tables[slice][byte] = rest >> 8 ^ tables[0][rest & 255];
        }
    }
}

uint32_t fp_checksum(const unsigned char *bytes, size_t size) {
    uint32_t rest = UINT32_MAX;
    for (; size >= SLICES; size -= SLICES, bytes += SLICES) {
        uint64_t next = fp_load64(bytes, 0) ^ rest;
        rest = 0;
        for (int slice = 0; slice < SLICES; slice++) {
            rest ^= tables[SLICES - 1 - slice][next >> 8 * slice & 255];
        }
    }
    for (; size; size--, bytes++) rest = rest >> 8 ^ tables[0][(rest ^ *bytes) & 255];
    return ~rest;
}
