#include "codec.h"

#include <stdlib.h>

enum { HEADER = 4, ALGORITHM = 1, ESCAPE = 7, HASH_BITS = 32, SPARE = 8 };
#define MOST_HASHES ((UINT32_C(1) << 24) - 1)
#define LOWEST_OF_16 UINT64_C(0x249249249249)

static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
enum { FOREIGN = 0x80 };

/* The value of each character plus 1; 0 for those of no alphabet of ours. */
static const unsigned char VALUES[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,
    ['H'] = 8,  ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14,
    ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21,
    ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28,
    ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35,
    ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
    ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49,
    ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63,
    ['_'] = 64,
};

/* Values are one more in the table: a foreign character becomes 0 - 1, with all high bits. */
static inline uint32_t value(char character) {
    return (uint32_t)VALUES[(unsigned char)character] - 1;
}

/* Line breaks may follow the text, and padding may stand before them. */
static size_t without_tail(const char *text, size_t length) {
    while (length && (text[length - 1] == '\n' || text[length - 1] == '\r')) length--;
    while (length && text[length - 1] == '=') length--;
    return length;
}

/* Write the bytes of a text of base64; return whether all characters belong to the alphabet. */
static int from_base64(const char *text, size_t length, unsigned char *data) {
    uint32_t seen = 0;
    size_t place = 0;
    for (; length - place >= 4; place += 4) {
        uint32_t a = value(text[place]), b = value(text[place + 1]);
        uint32_t c = value(text[place + 2]), d = value(text[place + 3]);
        uint32_t group = a << 18 | b << 12 | c << 6 | d;
        seen |= a | b | c | d;
        *data++ = (unsigned char)(group >> 16);
        *data++ = (unsigned char)(group >> 8);
        *data++ = (unsigned char)group;
    }
    uint32_t group = 0;
    size_t rest = length - place;
    for (size_t i = 0; i < rest; i++) {
        uint32_t one = value(text[place + i]);
        seen |= one;
        group |= one << (18 - 6 * i);
    }
    if (rest >= 2) *data++ = (unsigned char)(group >> 16);
    if (rest == 3) *data = (unsigned char)(group >> 8);
    return rest != 1 && !(seen & FOREIGN);
}

/* Numbers of a few bits, packed from the lowest bit; SPARE bytes behind them can be read. */
static inline unsigned packed(const unsigned char *data, size_t place, unsigned width) {
    size_t bit = place * width;
    return (unsigned)(fp_load16(data + (bit >> 3), 0) >> (bit & 7)) & ((1u << width) - 1);
}

static unsigned ones(uint64_t bits) {
    bits -= bits >> 1 & UINT64_C(0x5555555555555555);
    bits = (bits & UINT64_C(0x3333333333333333)) + (bits >> 2 & UINT64_C(0x3333333333333333));
    bits = (bits + (bits >> 4)) & UINT64_C(0x0F0F0F0F0F0F0F0F);
    return (unsigned)(bits * UINT64_C(0x0101010101010101) >> 56);
}

/* Where the 3-bit numbers of all hashes end, and how many of them are followed by a 5-bit one. */
typedef struct {
    size_t numbers;
    size_t escapes;
} fp_extent;

/* Find the zero that ends the last hash among the 3-bit numbers that the body has room for. */
static fp_status measure(const unsigned char *body, size_t size, uint32_t count, fp_extent *found) {
    size_t room = size * 8 / 3, place = 0, escapes = 0;
    uint32_t left = count;
    /* Sixteen numbers in six bytes at once, as long as the last zero cannot be among them. */
    for (; left > 16 && room - place >= 16; place += 16) {
        uint64_t bits = fp_load64(body + place / 16 * 6, 0);
        uint64_t any = (bits | bits >> 1 | bits >> 2) & LOWEST_OF_16;
        left -= 16 - ones(any);
        escapes += ones(bits & bits >> 1 & bits >> 2 & LOWEST_OF_16);
    }
    while (left) {
        if (place == room) return FP_TOO_FEW;
        unsigned number = packed(body, place++, 3);
        left -= number == 0;
        escapes += number == ESCAPE;
    }
    found->numbers = place;
    found->escapes = escapes;
    return FP_OK;
}

/* Where the reading of hashes has come to. */
typedef struct {
    const unsigned char *escaped;
    size_t escape;
    uint32_t *next;
    uint32_t hash;
    unsigned reached;
    unsigned furthest;
} fp_unpacker;

/* Take one 3-bit number. Without branches: whether it ends a hash or goes on in a 5-bit number
 * cannot be foreseen, and at each wrong guess a processor loses the time of five numbers. A hash is
 * stored with each of its bits, the last time when it is whole. */
static inline void take(fp_unpacker *at, unsigned number) {
    unsigned is_escaped = number == ESCAPE, is_set = number != 0;
    number += packed(at->escaped, at->escape, 5) & (0u - is_escaped);
    at->escape += is_escaped;
    at->reached = (at->reached + number) & (0u - is_set);
    at->furthest = at->reached > at->furthest ? at->reached : at->furthest;
    at->hash ^= (uint32_t)is_set << ((at->reached - 1) & (HASH_BITS - 1));
    *at->next = at->hash;
    at->next += !is_set;
}

/* Read the hashes; `escaped` are the 5-bit numbers, as many as there are sevens. */
static fp_status unpack(const unsigned char *body, const unsigned char *escaped, size_t numbers,
                        uint32_t *hashes) {
    fp_unpacker at = {escaped, 0, hashes, 0, 0, 0};
    size_t place = 0;
    for (; numbers - place >= 16; place += 16) {
        uint64_t bits = fp_load64(body + place / 16 * 6, 0);
        for (int i = 0; i < 16; i++, bits >>= 3) take(&at, (unsigned)bits & 7);
    }
    for (; place < numbers; place++) take(&at, packed(body, place, 3));
    return at.furthest > HASH_BITS ? FP_POSITION : FP_OK;
}

static fp_status decode_body(const unsigned char *body, size_t size, fp_decoded *decoded) {
    fp_extent extent;
    fp_status status = measure(body, size, decoded->count, &extent);
    if (status != FP_OK) return status;
    size_t start = (extent.numbers * 3 + 7) / 8;
    if (start + (extent.escapes * 5 + 7) / 8 != size) return FP_BYTES;
    decoded->hashes = malloc(decoded->count * sizeof *decoded->hashes);
    if (!decoded->hashes) return FP_NO_MEMORY;
    status = unpack(body, body + start, extent.numbers, decoded->hashes);
    if (status != FP_OK) {
        free(decoded->hashes);
        decoded->hashes = NULL;
    }
    return status;
}

static fp_status decode_data(const unsigned char *data, size_t size, uint32_t most,
                             fp_decoded *decoded) {
    if (size < HEADER) return FP_NO_HEADER;
    decoded->version = data[0];
    decoded->count = (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
    if (decoded->version != ALGORITHM) return FP_ALGORITHM;
    /* Each hash takes at least one 3-bit number. */
    size_t room = (size - HEADER) * 8 / 3;
    if (!decoded->count || decoded->count > most || decoded->count > room) return FP_COUNT;
    return decode_body(data + HEADER, size - HEADER, decoded);
}

fp_status fp_decode(const char *text, size_t length, uint32_t most, fp_decoded *decoded) {
    *decoded = (fp_decoded){0};
    length = without_tail(text, length);
    size_t size = length / 4 * 3 + (length % 4 ? length % 4 - 1 : 0);
    unsigned char *data = malloc(size + SPARE);
    if (!data) return FP_NO_MEMORY;
    memset(data + size, 0, SPARE);
    fp_status status = FP_NOT_BASE64;
    if (from_base64(text, length, data)) status = decode_data(data, size, most, decoded);
    free(data);
    return status;
}

/* Appends numbers of a few bits, from the lowest bit, to zeroed memory. */
typedef struct {
    unsigned char *data;
    size_t bit;
} fp_packer;

static inline void pack(fp_packer *packer, unsigned number, unsigned width) {
    unsigned shifted = number << (packer->bit & 7);
    packer->data[packer->bit >> 3] |= (unsigned char)shifted;
    if (shifted >> 8) packer->data[(packer->bit >> 3) + 1] |= (unsigned char)(shifted >> 8);
    packer->bit += width;
}

static inline unsigned lowest(uint32_t bits) {
    return (unsigned)__builtin_ctz(bits);
}

/* Pack all hashes, or with no packers only count the numbers. */
static fp_extent pack_hashes(fp_words hashes, fp_packer *numbers, fp_packer *escapes) {
    fp_extent extent = {0, 0};
    uint32_t before = 0;
    for (size_t i = 0; i < hashes.count; i++) {
        uint32_t hash = fp_word(hashes, i), delta = hash ^ before;
        unsigned reached = 0;
        before = hash;
        for (; delta; delta &= delta - 1) {
            unsigned position = lowest(delta) + 1, distance = position - reached;
            int escaped = distance >= ESCAPE;
            reached = position;
            extent.numbers++;
            extent.escapes += (size_t)escaped;
            if (!numbers) continue;
            pack(numbers, escaped ? ESCAPE : distance, 3);
            if (escaped) pack(escapes, distance - ESCAPE, 5);
        }
        extent.numbers++;
        if (numbers) pack(numbers, 0, 3);
    }
    return extent;
}

static char *to_base64(const unsigned char *data, size_t size, char *text) {
    size_t place = 0;
    for (; size - place >= 3; place += 3) {
        uint32_t first = data[place], second = data[place + 1], third = data[place + 2];
        uint32_t group = first << 16 | second << 8 | third;
        for (int shift = 18; shift >= 0; shift -= 6) *text++ = ALPHABET[group >> shift & 63];
    }
    size_t rest = size - place;
    if (!rest) return text;
    uint32_t group = (uint32_t)data[place] << 16 | (rest == 2 ? (uint32_t)data[place + 1] << 8 : 0);
    for (size_t i = 0; i <= rest; i++) *text++ = ALPHABET[group >> (18 - 6 * i) & 63];
    return text;
}

fp_status fp_encode(fp_words hashes, unsigned version, char **text, size_t *length) {
    if (hashes.count > MOST_HASHES || version > 255) return FP_COUNT;
    fp_extent extent = pack_hashes(hashes, NULL, NULL);
    size_t start = HEADER + (extent.numbers * 3 + 7) / 8;
    size_t size = start + (extent.escapes * 5 + 7) / 8;
    unsigned char *data = calloc(size, 1);
    *text = malloc((size + 2) / 3 * 4);
    if (!data || !*text) {
        free(data);
        free(*text);
        *text = NULL;
        return FP_NO_MEMORY;
    }
    data[0] = (unsigned char)version;
    data[1] = (unsigned char)(hashes.count >> 16);
    data[2] = (unsigned char)(hashes.count >> 8);
    data[3] = (unsigned char)hashes.count;
    fp_packer numbers = {data + HEADER, 0}, escapes = {data + start, 0};
    pack_hashes(hashes, &numbers, &escapes);
    *length = (size_t)(to_base64(data, size, *text) - *text);
    free(data);
    return FP_OK;
}
