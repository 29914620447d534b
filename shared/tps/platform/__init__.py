"""What the platform (TPS) keeps and decides: the registry, limits and their division, schedules, the overview."""
