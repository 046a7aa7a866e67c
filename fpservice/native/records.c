#include "records.h"

enum { LOG_START = 16 };

fp_status fp_record_at(const unsigned char *log, size_t size, uint64_t position,
                       fp_record *record) {
    if (position < LOG_START || position % 4) return FP_DAMAGED;
    return fp_record_in(log, size, position, record);
}

fp_status fp_record_in(const unsigned char *data, size_t size, uint64_t offset, fp_record *record) {
    if (size < FP_RECORD_HEADER || offset > size - FP_RECORD_HEADER) return FP_DAMAGED;
    /* CRC-32 of the rest, id, duration, count of words, kind. */
    const unsigned char *header = data + offset;
    size_t room = size - FP_RECORD_HEADER - (size_t)offset, count = fp_load16(header, 5);
    if (count > room / 4) return FP_DAMAGED;
    record->id = fp_load32(header, 1);
    record->duration = fp_load16(header, 4);
    record->kind = fp_load32(header, 3);
    record->words = (fp_words){header + FP_RECORD_HEADER, count};
    return FP_OK;
}
