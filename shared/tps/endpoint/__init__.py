"""The endpoint of a group: the rules of MADES joined with the stores.

No message is lost, and none takes effect twice.
"""
