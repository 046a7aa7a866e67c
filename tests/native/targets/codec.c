/* Decoding agrees with a decoder that reads bit by bit; encoding is its inverse. */
#include "codec.h"

#include "target.h"

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static unsigned read_bits(const unsigned char *data, size_t bit, unsigned width) {
    unsigned number = 0;
    for (unsigned i = 0; i < width; i++, bit++) {
        number |= (data[bit / 8] >> (bit % 8) & 1u) << i;
    }
    return number;
}

/* Return whether the bytes behind the header hold so many hashes, and nothing else. */
static int plain_decode(const unsigned char *body, size_t size, uint32_t count, uint32_t *hashes) {
    size_t room = size * 8 / 3, number = 0, escapes = 0, zeros = 0;
    for (; number < room && zeros < count; number++) {
        unsigned one = read_bits(body, number * 3, 3);
        zeros += one == 0;
        escapes += one == 7;
    }
    size_t start = (number * 3 + 7) / 8, escape = 0;
    if (zeros < count || start + (escapes * 5 + 7) / 8 != size) return 0;
    uint32_t before = 0, delta = 0;
    unsigned position = 0;
    for (size_t i = 0; i < number; i++) {
        unsigned one = read_bits(body, i * 3, 3);
        if (one == 7) one += read_bits(body + start, escape++ * 5, 5);
        if (one) {
            position += one;
            if (position > 32) return 0;
            delta ^= 1u << (position - 1);
        } else {
            *hashes++ = before ^= delta;
            delta = position = 0;
        }
    }
    return 1;
}

static void plain_base64(const unsigned char *data, size_t size, char *text) {
    for (size_t bit = 0; bit < size * 8; bit += 6) {
        unsigned value = 0;
        for (size_t i = 0; i < 6; i++) {
            size_t place = bit + i;
            unsigned one = place < size * 8 ? data[place / 8] >> (7 - place % 8) & 1u : 0;
            value = value << 1 | one;
        }
        *text++ = ALPHABET[value];
    }
}

static void check_inverse(const fp_decoded *decoded) {
    char *text;
    size_t length;
    fp_decoded again;
    fp_words hashes = as_words(decoded->hashes, decoded->count);
    HOLDS(fp_encode(hashes, decoded->version, &text, &length) == FP_OK);
    char *exact = exactly(text, length);
    HOLDS(fp_decode(exact, length, decoded->count, &again) == FP_OK);
    HOLDS(again.count == decoded->count);
    HOLDS(!memcmp(again.hashes, decoded->hashes, 4 * (size_t)again.count));
    free(again.hashes);
    free(exact);
    free(text);
}

static void any_text(const unsigned char *data, size_t size) {
    char *text = exactly(data, size);
    fp_decoded decoded;
    if (fp_decode(text, size, 65535, &decoded) == FP_OK) {
        HOLDS(decoded.count > 0 && decoded.count <= size * 2);
        check_inverse(&decoded);
    } else {
        HOLDS(!decoded.hashes);
    }
    free(decoded.hashes);
    free(text);
}

/* A body behind a header that fits it well enough to be read. */
static void any_body(Input input) {
    uint32_t count = take_byte(&input) + 1;
    size_t size = input.size + 4, length = (size * 8 + 5) / 6;
    unsigned char *data = malloc(size);
    char *text = malloc(length);
    uint32_t *hashes = malloc(4 * (size_t)count);
    HOLDS(data && text && hashes);
    memcpy(data, (unsigned char[]){1, 0, (unsigned char)(count >> 8), (unsigned char)count}, 4);
    if (input.size) memcpy(data + 4, input.data, input.size);
    plain_base64(data, size, text);
    fp_decoded decoded;
    fp_status status = fp_decode(text, length, 65535, &decoded);
    int right = count <= input.size * 8 / 3 && plain_decode(data + 4, input.size, count, hashes);
    HOLDS((status == FP_OK) == right);
    if (right) {
        HOLDS(!memcmp(decoded.hashes, hashes, 4 * (size_t)count));
        check_inverse(&decoded);
    }
    free(decoded.hashes);
    free(hashes);
    free(text);
    free(data);
}

static void any_hashes(Input input) {
    fp_decoded decoded = {1, 0, NULL};
    size_t count;
    decoded.hashes = take_words(&input, 4096, take_byte(&input) % 8, &count);
    decoded.count = (uint32_t)count;
    if (count) check_inverse(&decoded);
    free(decoded.hashes);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
    Input input = {data, size};
    switch (take_byte(&input) % 3) {
    case 0: any_text(input.data, input.size); break;
    case 1: any_body(input); break;
    default: any_hashes(input);
    }
    return 0;
}
