"""The scale of each function, from the labels in stack.yml."""

from dataclasses import dataclass
from pathlib import Path

from tps.host.stack import ROOT


@dataclass(frozen=True, slots=True)
class Scale:
    """The minimum and maximum number of replicas of a function."""

    minimum: int
    maximum: int


def load_scales(path: Path = ROOT / "stack.yml") -> dict[str, Scale]:
    """Return the scale of every function, by its name with underscores.

    Raises:
        KeyError: A function in stack.yml has no scale label.
    """
    import yaml

    functions = yaml.safe_load(path.read_text())["functions"].values()
    return {Path(spec["handler"]).name: _scale(spec["labels"]) for spec in functions}


def _scale(labels: dict[str, str]) -> Scale:
    return Scale(int(labels["com.openfaas.scale.min"]), int(labels["com.openfaas.scale.max"]))
