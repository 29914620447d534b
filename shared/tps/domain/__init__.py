"""Business rules and values. This package does no I/O, reads no clock and knows no XML. Callers pass the time in."""
