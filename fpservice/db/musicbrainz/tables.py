"""The tables of MusicBrainz that lookups read.

Only columns that all MusicBrainz schemas of the last years have in common are used. Importing
this takes most of a second: ``mbdata`` defines all tables of MusicBrainz.
"""

from __future__ import annotations

from typing import Final

from mbdata import models
from sqlalchemy import Table

artist: Final[Table] = models.Artist.__table__
artist_credit_name: Final[Table] = models.ArtistCreditName.__table__
iso_3166_1: Final[Table] = models.ISO31661.__table__
isrc: Final[Table] = models.ISRC.__table__
medium: Final[Table] = models.Medium.__table__
medium_format: Final[Table] = models.MediumFormat.__table__
recording: Final[Table] = models.Recording.__table__
recording_gid_redirect: Final[Table] = models.RecordingGIDRedirect.__table__
release: Final[Table] = models.Release.__table__
release_country: Final[Table] = models.ReleaseCountry.__table__
release_group: Final[Table] = models.ReleaseGroup.__table__
release_group_primary_type: Final[Table] = models.ReleaseGroupPrimaryType.__table__
release_group_secondary_type: Final[Table] = models.ReleaseGroupSecondaryType.__table__
release_group_secondary_type_join: Final[Table] = models.ReleaseGroupSecondaryTypeJoin.__table__
track: Final[Table] = models.Track.__table__
