/* The checksum of records: CRC-32 as zlib has it. */
#ifndef FPSERVICE_CHECKSUM_H
#define FPSERVICE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

uint32_t fp_checksum(const unsigned char *bytes, size_t size);

#endif
