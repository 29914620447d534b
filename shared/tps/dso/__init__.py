"""What the backend of a DSO keeps and answers: its limits, the assets in its grid, plans and conflicts."""
