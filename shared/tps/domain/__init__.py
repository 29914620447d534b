"""Pure rules and values: no I/O, no clock, no XML; time comes in as an argument."""
