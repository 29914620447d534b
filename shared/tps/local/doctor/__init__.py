"""`./tps doctor`: finds common problems of an installation on this machine, and names a remedy for each."""
