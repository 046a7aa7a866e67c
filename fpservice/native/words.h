/* What all kernels share: how they end, and hashes as they stand in files and messages.
 *
 * Nothing here or in the other files knows Python, except those that begin with "py": the fuzzer
 * links the rest as it is. */
#ifndef FPSERVICE_WORDS_H
#define FPSERVICE_WORDS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "Files are read in place, so these kernels need a little-endian processor."
#endif

typedef enum {
    FP_OK,
    FP_NO_MEMORY,
    FP_NOT_BASE64,
    FP_NO_HEADER,
    FP_ALGORITHM,
    FP_COUNT,
    FP_TOO_FEW,
    FP_BYTES,
    FP_POSITION,
    FP_DAMAGED,
    FP_TOO_LONG
} fp_status;

/* 32-bit words that begin at any address: those of a message need not be aligned. */
typedef struct {
    const unsigned char *bytes;
    size_t count;
} fp_words;

static inline uint32_t fp_load32(const unsigned char *bytes, size_t place) {
    uint32_t word;
    memcpy(&word, bytes + 4 * place, sizeof word);
    return word;
}

static inline uint64_t fp_load64(const unsigned char *bytes, size_t place) {
    uint64_t word;
    memcpy(&word, bytes + 8 * place, sizeof word);
    return word;
}

static inline uint16_t fp_load16(const unsigned char *bytes, size_t place) {
    uint16_t word;
    memcpy(&word, bytes + 2 * place, sizeof word);
    return word;
}

static inline uint32_t fp_word(fp_words words, size_t place) {
    return fp_load32(words.bytes, place);
}

/* Return the words from a place on; none if there are fewer. */
static inline fp_words fp_from(fp_words words, size_t place) {
    size_t skipped = place < words.count ? place : words.count;
    return (fp_words){words.bytes + 4 * skipped, words.count - skipped};
}

/* Have the processor fetch words that are read soon: memory is waited for while others are read. */
static inline void fp_expect(fp_words words) {
    for (size_t byte = 0; byte < 4 * words.count; byte += 64) __builtin_prefetch(words.bytes + byte);
}

/* Spread keys over 2**(64 - shift) places of a table; an unknown odd factor keeps strangers from
 * choosing keys that all meet in one place. */
static inline size_t fp_place(uint64_t key, uint64_t factor, unsigned shift) {
    return (size_t)(key * factor >> shift);
}

#define FP_FACTOR UINT64_C(0x9E3779B97F4A7C15)

#endif
