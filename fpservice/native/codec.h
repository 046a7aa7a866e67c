/* The Chromaprint codec: between the text that fpcalc prints and 32-bit hashes.
 *
 * Text is URL-safe base64 of one byte algorithm, three bytes count (big-endian), 3-bit numbers
 * packed from the lowest bit and padded to a byte, then 5-bit numbers packed the same way. Hash k
 * is coded as its XOR with hash k-1: the distances between set bits, counted from 1, ended by a 0;
 * a distance of 7 or more is a 7 plus the rest as a 5-bit number.
 *
 * Source of the format: Chromaprint 1.x, fingerprint_compressor (as fpcalc writes it). */
#ifndef FPSERVICE_CODEC_H
#define FPSERVICE_CODEC_H

#include "words.h"

/* What was read so far, also of a text that is refused. */
typedef struct {
    uint32_t version;
    uint32_t count;
    uint32_t *hashes;
} fp_decoded;

/* Decode a text into memory that the caller frees; there is none unless FP_OK is returned. Work and
 * memory are bounded by the length of the text, never by the count it announces. */
fp_status fp_decode(const char *text, size_t length, uint32_t most, fp_decoded *decoded);

/* Encode fewer than 2**24 hashes into memory that the caller frees. */
fp_status fp_encode(fp_words hashes, unsigned version, char **text, size_t *length);

#endif
