"""Data and answers of the backend of an AGR or BRP: its limits, schedules, plans and conflicts."""
