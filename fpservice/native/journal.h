/* Taking in the end of the log: what was written since it was last read. */
#ifndef FPSERVICE_JOURNAL_H
#define FPSERVICE_JOURNAL_H

#include "delta.h"

/* Append the changes of the records in `data`, which begins at `position` of the log; `read` is how
 * many bytes that were. Ends at the first place that holds no whole and undamaged record. */
fp_status fp_journal_read(fp_delta *delta, const unsigned char *data, size_t size,
                          uint64_t position, size_t *read);

#endif
