#include "journal.h"

#include <stdlib.h>

#include "checksum.h"
#include "records.h"
#include "terms.h"

static fp_status append(fp_delta *delta, const fp_record *record, uint64_t position) {
    if (record->kind == FP_KIND_FINGERPRINT) {
        uint32_t terms[FP_MAX_TERMS];
        size_t count = fp_query_terms(record->words, terms);
        for (size_t i = 0; i < count; i++) terms[i] = fp_spread(terms[i] >> FP_TERM_SHIFT);
        return fp_delta_append(delta, record->id, position, record->duration, terms, count);
    }
    uint32_t *terms;
    size_t count;
    fp_status status = fp_distinct_terms(record->words, &terms, &count);
    if (status != FP_OK) return status;
    uint64_t place = record->kind == FP_KIND_DELETE ? 0 : position;
    status = fp_delta_append(delta, record->id, place, record->duration, terms, count);
    free(terms);
    return status;
}

static int is_known(uint32_t kind) {
    return kind == FP_KIND_FINGERPRINT || kind == FP_KIND_TERMS || kind == FP_KIND_DELETE;
}

fp_status fp_journal_read(fp_delta *delta, const unsigned char *data, size_t size,
                          uint64_t position, size_t *read) {
    *read = 0;
    fp_record record;
    while (fp_record_in(data, size, *read, &record) == FP_OK && is_known(record.kind)) {
        const unsigned char *start = data + *read;
        size_t length = FP_RECORD_HEADER + 4 * record.words.count;
        if (fp_checksum(start + 4, length - 4) != fp_load32(start, 0)) break;
        fp_status status = append(delta, &record, position + *read);
        if (status != FP_OK) return status;
        *read += length;
    }
    return FP_OK;
}
