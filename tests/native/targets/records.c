/* Records of any bytes lie within the log, and can be compared where they stand. */
#include "records.h"

#include "compare.h"
#include "target.h"

static void compare_in_place(const fp_record *record, size_t size) {
    fp_query *query = fp_query_new(record->words, size % 90);
    fp_scratch *scratch = query ? fp_scratch_new(query, record->words.count) : NULL;
    HOLDS(scratch);
    double score = fp_score(query, record->words, scratch);
    HOLDS(score >= 0.0 && score <= 1.0);
    fp_scratch_free(scratch);
    fp_query_free(query);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    Input input = {data, size};
    uint64_t far = (uint64_t)take_word(&input) << 32 | take_word(&input);
    unsigned char *log = exactly(input.data, input.size);
    fp_record record;
    HOLDS(fp_record_at(log, input.size, far, &record) == FP_DAMAGED || far < input.size);
    for (uint64_t position = 0; position <= input.size + 4; position++) {
        if (fp_record_at(log, input.size, position, &record) != FP_OK) continue;
        HOLDS(position % 4 == 0 && position >= 16);
        HOLDS(record.words.bytes == log + position + 16);
        HOLDS(position + 16 + 4 * record.words.count <= input.size);
        HOLDS(record.words.count <= UINT16_MAX && record.duration <= UINT16_MAX);
        compare_in_place(&record, size);
    }
    free(log);
    return 0;
}
