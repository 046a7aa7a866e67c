"""The other side: asks any AcoustID-compatible server, this one or another."""
