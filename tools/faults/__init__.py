"""Faults on purpose: traffic, injuries, and what must hold afterwards, all seen from outside."""
