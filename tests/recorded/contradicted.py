"""Recorded answers that are not marked, and that other recorded answers speak against.

The service answers these otherwise, on purpose. Whatever else differs is a fault.
"""

from __future__ import annotations

from typing import Final

_FOLLOWED: Final = (
    "The MBID of the link was redirected, and the recorded answer does not follow. "
    "The marks of meta-redirected-mbid and mbid-redirect call following it better."
)
_COMPRESSED: Final = (
    "With compress, only the last release group was freed of the artists that it has in common "
    "with the recording. The mark of meta-024 calls freeing every one of them better."
)

CONTRADICTED: Final[dict[str, str]] = {
    "trackid-8": _FOLLOWED,
    "mbid-batch-60": _FOLLOWED,
    "meta-067-releasegroups+usermeta+sources+compress+isrcs+releases": _COMPRESSED,
}
