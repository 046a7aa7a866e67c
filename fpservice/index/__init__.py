"""The inverted index from query terms to fingerprints.

``embedded`` is an index inside the process, over files that any number of processes share by
memory map. Its files, from the outside in:

- ``layout``: names in the root directory, and how files are replaced so that a crash harms none;
- ``state``: counters in a mapped page, by which readers notice changes without a system call;
- ``record`` and ``log``: the append-only log of fingerprints, which is also the write-ahead log;
- ``segment`` and ``segment_writer``: immutable packed postings of the documents in the log;
- ``manifest``: which segments are in use, and how much of the log they cover;
- ``delta`` and ``snapshot``: what a reader sees, newest documents included;
- ``generation``, ``generation_writer``: reading and writing one generation of these files;
- ``reader``, ``writer``, ``merge``, ``builder``, ``verify``: what processes do with them.

``http`` is the client of external fpindex servers; ``server`` puts the embedded index behind the
same interface:

- ``wire``, ``wire_requests``, ``wire_answers``: the bodies of the interface, for both sides;
- ``http_deadline``, ``http_node``, ``http_nodes``, ``http_calls``: connections, one server, several
  servers, and what can be asked of them;
- ``http_completeness``, ``http_builder``: an index that is filled anew, and how;
- ``database_source``: the hashes that an external index does not keep;
- ``server``, ``server_request`` and the package ``served``: the server.
"""
