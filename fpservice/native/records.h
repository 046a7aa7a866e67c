/* Records of the mapped log; how they lie there is said in record.py. */
#ifndef FPSERVICE_RECORDS_H
#define FPSERVICE_RECORDS_H

#include "words.h"

#define FP_KIND_FINGERPRINT UINT32_C(0x46505F01)
#define FP_KIND_TERMS UINT32_C(0x46505F02)
#define FP_KIND_DELETE UINT32_C(0x46505F03)

enum { FP_RECORD_HEADER = 16 };

typedef struct {
    uint32_t id;
    uint32_t duration;
    uint32_t kind;
    fp_words words;
} fp_record;

/* Read the record at a position; FP_DAMAGED if no whole one can stand there. */
fp_status fp_record_at(const unsigned char *log, size_t size, uint64_t position, fp_record *record);

/* The same at an offset of some bytes of a log, which need not be its beginning. */
fp_status fp_record_in(const unsigned char *data, size_t size, uint64_t offset, fp_record *record);

#endif
