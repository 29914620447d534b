"""The worlds that `./tps demo` and the real-size tests play in: who lives there, and what is connected where."""
