"""Deliberate faults: traffic, injuries, and the invariants afterwards, all observed from outside."""
