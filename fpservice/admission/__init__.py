"""Who is served and who is refused when more requests come than can be answered in time."""
