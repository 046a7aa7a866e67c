/* What the fuzz targets share: reading their input, and stopping where something does not hold. */
#ifndef FPSERVICE_TARGET_H
#define FPSERVICE_TARGET_H

#include <stdio.h>
#include <stdlib.h>

#include "words.h"

#define HOLDS(condition)                                                              \
    do {                                                                              \
        if (!(condition)) {                                                           \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
            abort();                                                                  \
        }                                                                             \
    } while (0)

typedef struct {
    const unsigned char *data;
    size_t size;
} Input;

static inline unsigned take_byte(Input *input) {
    if (!input->size) return 0;
    input->size--;
    return *input->data++;
}

static inline uint32_t take_word(Input *input) {
    uint32_t word = 0;
    for (int i = 0; i < 4; i++) word = word << 8 | take_byte(input);
    return word;
}

/* Copy to memory of exactly this size, so that the sanitizer sees every byte read beyond it. */
static inline void *exactly(const void *data, size_t size) {
    void *copy = malloc(size ? size : 1);
    HOLDS(copy);
    if (size) memcpy(copy, data, size);
    return copy;
}

/* Take up to so many words, of few different kinds if `kinds` is not 0. */
static inline uint32_t *take_words(Input *input, size_t most, unsigned kinds, size_t *count) {
    uint32_t *words = malloc((most + 1) * sizeof *words);
    HOLDS(words);
    for (*count = 0; *count < most && input->size; ++*count) {
        words[*count] = kinds ? take_byte(input) % kinds * 0x06666661u : take_word(input);
    }
    return words;
}

static inline fp_words as_words(const uint32_t *words, size_t count) {
    return (fp_words){(const unsigned char *)words, count};
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

#endif
