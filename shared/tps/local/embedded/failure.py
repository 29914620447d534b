"""What goes wrong with the embedded stack and a person can put right."""

from tps.errors import Unavailable


class StackError(Unavailable):
    """The stack cannot start or go on; the message says in one line what is wrong and what to do."""

    title = "the embedded stack cannot start"
