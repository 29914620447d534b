"""`./tps bench`: measures the figures of docs/figures.md. Figures are printed, never asserted."""
