"""The system on one machine: CLI, embedded stack, doctor, file exchange, publishing and rendering."""
