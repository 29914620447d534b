"""Location of the server programs, which wheels of the extra `embedded` contain."""

import shutil
import sys
import sysconfig
from pathlib import Path

from tps.local.embedded.failure import StackError


def find_program(name: str) -> str:
    """Return the absolute path of a server program in this environment.

    Raises:
        StackError: The extra `embedded` is not installed.
    """
    folders = (Path(sysconfig.get_path("scripts")), Path(sys.executable).parent)
    program = shutil.which(name, path=":".join(str(folder) for folder in folders))
    if program is None:
        raise StackError(f"{name} is missing; install the extra: pip install 'tps[embedded]'")
    return program
