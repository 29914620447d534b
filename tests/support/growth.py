"""Growth of the cost of work with its size. No test asserts seconds, because they depend on the machine."""

import time
from collections.abc import Callable

# A clock tick and the noise of a busy machine.
_NOISE_S = 0.05


def grows_at_most_linearly(make: Callable[[int], Callable[[], object]], few: int) -> bool:
    """Return whether four times as much takes at most eight times the CPU time; quadratic work takes sixteen times.

    Args:
        make: Prepares the work of a size, which is not measured, and returns it.
        few: The smaller of the two sizes.
    """
    return _best_cpu_s(make(4 * few)) < 8 * _best_cpu_s(make(few)) + _NOISE_S


def _best_cpu_s(work: Callable[[], object]) -> float:
    return min(_cpu_s(work) for _ in range(2))


def _cpu_s(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began
