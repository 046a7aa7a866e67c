"""AcoustID's public dumps: which files there are, their lines, and what a row must look like."""
