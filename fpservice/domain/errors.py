"""Errors of the rules themselves, free of any protocol; the HTTP layer gives them codes."""


class DomainError(Exception):
    """Base of everything the rules can refuse."""


class InvalidFingerprintError(DomainError):
    """The text is not a fingerprint this service can read."""


class AlreadyTakenError(DomainError):
    """A name, key or id that must be unique belongs to another already."""


class UnknownTrackError(DomainError):
    """There is no track with this gid or id."""


class UnknownLinkError(DomainError):
    """A track has no link to a recording."""


class MergeRefusedError(DomainError):
    """Two tracks cannot be merged: they are one already, or it would make a loop."""


class InvalidAccessTokenError(DomainError):
    """An access token of MusicBrainz that is not known there, or nobody can sign in with."""


class SearchUnavailableError(DomainError):
    """A search could not be finished (index or database cut off); its result must not be shown."""


class IndexUnavailableError(SearchUnavailableError):
    """The inverted index does not answer, or not in time."""


class DatabaseUnavailableError(SearchUnavailableError):
    """A database does not answer, or not in time."""


class MetadataUnavailableError(DomainError):
    """A metadata provider does not answer, or not in time; lookups go on without it."""


class IndexLockedError(DomainError):
    """Another process is writing the index; there may be one writer at a time."""


class IndexCorruptError(IndexUnavailableError):
    """The index files are damaged beyond what can be repaired without the database."""


class SignInUnavailableError(SearchUnavailableError):
    """Whoever could say to whom an access token belongs does not answer."""


class QueueUnavailableError(DomainError):
    """The queue of submissions does not answer; the outbox has them all the same."""
