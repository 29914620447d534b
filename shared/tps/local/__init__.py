"""One machine: the commands, the embedded stack, the doctor, file exchange, publishing and rendering."""
