"""Market Data Exchange Standard (IEC 62325-503): messages, keys, states and paths, without sockets or clocks."""
