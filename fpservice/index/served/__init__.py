"""The embedded index behind the fpindex HTTP interface.

- ``state``: what the server knows of an index beside its files: generation, version, metadata;
- ``versions``: which version each part of the log belongs to;
- ``files``: the files of one generation, as one process has them open;
- ``index`` and ``folder``: one index, and all of them by name;
- ``archive``: an index as a stream, at one moment;
- ``counters`` and ``metrics``: what is told to Prometheus, counted over all processes.

The WSGI application itself is :mod:`fpservice.index.server`.
"""
