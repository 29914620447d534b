"""Function modules, as the host loads them."""

from functools import cache
from types import ModuleType

from tps.host.app import load_function


@cache
def function(name: str) -> ModuleType:
    """Return the module `functions/<name>/func.py`."""
    return load_function(name)
