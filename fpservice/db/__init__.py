"""SQL: a folder per database. Functions take a connection; transactions live in transaction.py."""
