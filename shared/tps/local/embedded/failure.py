"""The error of the embedded stack that a person can correct."""

from tps.errors import Unavailable


class StackError(Unavailable):
    """The stack cannot start or continue. The message says in one line what is wrong and what to do."""

    title = "the embedded stack cannot start"
