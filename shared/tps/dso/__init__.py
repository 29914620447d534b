"""Data and answers of the backend of a DSO: its limits, the assets in its grid, plans and conflicts."""
