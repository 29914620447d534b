"""How the machines of this folder run: in CI the same histories each time; by hand longer, other and shrunk ones.

`TPS_STATEFUL_STEPS` takes that many steps, other ones each time; `TPS_STATEFUL_SEED` takes those that a failure named;
`TPS_STATEFUL_SHRINK` makes the history that fails as short as it can.
"""

import os
from dataclasses import dataclass
from random import SystemRandom

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from tests.stateful.installation import Installation


@dataclass(frozen=True)
class Lengths:
    """In steps: of one history, and of all of them in CI."""

    each: int
    all: int


def run(machine: type[RuleBasedStateMachine], house: Installation, lengths: Lengths) -> None:
    """Run a machine in an installation; a history that fails is printed as statements, with what repeats it."""
    asked = os.environ.get("TPS_STATEFUL_STEPS")
    number = int(os.environ.get("TPS_STATEFUL_SEED", SystemRandom().randrange(2**32) if asked else 0))
    steps = int(asked or lengths.all)
    here = seed(number)(type(f"{machine.__name__}Here", (machine,), {"house": house}))
    phases = (Phase.generate, Phase.shrink) if "TPS_STATEFUL_SHRINK" in os.environ else (Phase.generate,)
    print(f"again: TPS_STATEFUL_SEED={number} TPS_STATEFUL_STEPS={steps}; TPS_STATEFUL_SHRINK=1 shortens it")
    run_state_machine_as_test(
        here,
        settings=settings(
            max_examples=max(steps // lengths.each, 1),
            stateful_step_count=lengths.each,
            deadline=None,
            database=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )
