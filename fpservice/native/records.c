#include "records.h"

enum { LOG_START = 16, HEADER = 16 };

fp_status fp_record_at(const unsigned char *log, size_t size, uint64_t position,
                       fp_record *record) {
    if (position < LOG_START || position % 4 || size < HEADER || position > size - HEADER) {
        return FP_DAMAGED;
    }
    /* CRC-32 of the rest, id, duration, count of words, kind. */
    const unsigned char *header = log + position;
    size_t room = size - HEADER - (size_t)position, count = fp_load16(header, 5);
    if (count > room / 4) return FP_DAMAGED;
    record->id = fp_load32(header, 1);
    record->duration = fp_load16(header, 4);
    record->kind = fp_load32(header, 3);
    record->words = (fp_words){header + HEADER, count};
    return FP_OK;
}
