"""Looks at all that the service needs, and says in plain words what is wrong and what to do.

- ``checks``: what a check is, and how many of them run side by side within a time limit;
- ``databases``, ``index``, ``clock``, ``disk``: what is looked at.
"""
