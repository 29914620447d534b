"""The REST contract: the types of its bodies."""
