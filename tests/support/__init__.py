"""What end-to-end tests share: a running stack, parties in it, and their calls."""
