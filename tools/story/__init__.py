"""The worlds of `./tps demo` and of the real-size tests: parties, grids and assets."""
