"""`./tps doctor`: which of the usual things is wrong with an installation on this machine, and what to do about it."""
