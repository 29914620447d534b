"""Data and decisions of the platform (TPS): the registry, limits and their division, schedules, and the overview."""
