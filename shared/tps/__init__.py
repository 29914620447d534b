"""The Trade Permission System: DSOs tell operators what the grid can carry, operators tell DSOs what they plan."""

__version__ = "0.1.0"
