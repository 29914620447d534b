"""What the backend of an AGR or BRP keeps and answers: its limits, schedules, plans and conflicts."""
