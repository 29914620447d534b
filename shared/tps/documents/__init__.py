"""IEC 62325-451 documents: bytes to values and back, one module per document."""
