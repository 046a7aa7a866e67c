"""Requests with the answers that the AcoustID service gave to them, replayed over real sockets.

``cases.jsonl.gz`` holds single requests, ``scenarios.jsonl.gz`` sequences of submissions, imports
and lookups. Both were recorded on the catalogue in ``dataset/``, in the form of AcoustID's public
dumps, and want a server on which it was freshly loaded, with the part of MusicBrainz that lies
beside it. ``deviation`` marks an answer that need not be copied and says what is better; ``better``
and ``better_outcomes`` hold the service to that. ``contradicted`` holds answers without such a mark
that the service gives otherwise.
"""
