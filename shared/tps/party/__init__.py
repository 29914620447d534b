"""Data that the backends of several owners keep alike: resources, feeds, and plans with their blocks."""
