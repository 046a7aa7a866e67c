"""fpservice: names music from its sound."""

__version__ = "0.1.0"
