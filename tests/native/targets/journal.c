/* Of any bytes, the whole and undamaged records at the beginning are read, and nothing beyond. */
#include "journal.h"

#include "checksum.h"
#include "records.h"
#include "target.h"

enum { HEADER = 16, START = 4096 };

static uint32_t plain_checksum(const unsigned char *bytes, size_t size) {
    uint32_t rest = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        rest ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) rest = rest >> 1 ^ (rest & 1 ? UINT32_C(0xEDB88320) : 0);
    }
    return ~rest;
}

static size_t length_at(const unsigned char *log, size_t size, size_t offset) {
    if (size < HEADER || offset > size - HEADER) return 0;
    size_t length = HEADER + 4 * (size_t)fp_load16(log + offset, 5);
    return length > size - offset ? 0 : length;
}

/* No input would have right checksums by chance. */
static void mend(unsigned char *log, size_t size, unsigned most) {
    size_t offset = 0, length;
    for (; most && (length = length_at(log, size, offset)); offset += length, most--) {
        uint32_t kind = FP_KIND_FINGERPRINT + log[offset + 12] % 3;
        memcpy(log + offset + 12, &kind, sizeof kind);
        uint32_t checksum = plain_checksum(log + offset + 4, length - 4);
        memcpy(log + offset, &checksum, sizeof checksum);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    Input input = {data, size};
    unsigned mended = take_byte(&input);
    unsigned char *log = exactly(input.data, input.size);
    mend(log, input.size, mended);
    HOLDS(fp_checksum(log, input.size) == plain_checksum(log, input.size));
    size_t offset = 0, count = 0, length, read;
    fp_delta *delta = fp_delta_new(mended);
    HOLDS(delta);
    HOLDS(fp_journal_read(delta, log, input.size, START, &read) == FP_OK);
    for (; (length = length_at(log, input.size, offset)); offset += length, count++) {
        uint32_t kind = fp_load32(log + offset, 3);
        if (kind < FP_KIND_FINGERPRINT || kind > FP_KIND_DELETE) break;
        if (plain_checksum(log + offset + 4, length - 4) != fp_load32(log + offset, 0)) break;
        HOLDS(offset < read);
        fp_found found;
        uint32_t id = fp_load32(log + offset, 1);
        HOLDS(fp_delta_latest(delta, id, count + 1, &found));
        HOLDS(found.position == (kind == FP_KIND_DELETE ? 0 : START + offset));
        HOLDS(found.duration == fp_load16(log + offset, 4));
    }
    HOLDS(read == offset && fp_delta_count(delta) == count);
    fp_delta_free(delta);
    free(log);
    return 0;
}
