"""What several functions of one backend (operator, DSO, platform) have in common, one module per subject."""
