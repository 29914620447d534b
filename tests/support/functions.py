"""Function modules, as the runtime loads them."""

from functools import cache
from types import ModuleType

from tps.host.app import load_function


@cache
def function(name: str) -> ModuleType:
    """`functions/<name>/func.py`."""
    return load_function(name)
