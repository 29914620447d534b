"""Shared code of the tests: a running stack, parties in it, and their calls."""
