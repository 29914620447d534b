"""`./tps bench`: the figures of docs/figures.md, measured anew. They are told, never asserted."""
