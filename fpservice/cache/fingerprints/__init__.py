"""A copy of fingerprints that all processes of a machine share, in a file that they map."""
