"""Where the servers' programs are: carried by wheels of the extra `embedded`."""

import shutil
import sys
import sysconfig
from pathlib import Path

from tps.local.embedded.failure import StackError


def find_program(name: str) -> str:
    """The absolute path of a server's program in this environment.

    Raises:
        StackError: The extra is not installed.
    """
    folders = (Path(sysconfig.get_path("scripts")), Path(sys.executable).parent)
    found = shutil.which(name, path=":".join(str(folder) for folder in folders))
    if found is None:
        raise StackError(f"{name} is missing; install the extra: pip install 'tps[embedded]'")
    return found
