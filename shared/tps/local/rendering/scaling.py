"""How far each function scales, as stack.yml's labels say."""

from dataclasses import dataclass
from pathlib import Path

from tps.host.stack import ROOT


@dataclass(frozen=True, slots=True)
class Scale:
    """Replicas a function has at least and at most."""

    minimum: int
    maximum: int


def load_scales(path: Path = ROOT / "stack.yml") -> dict[str, Scale]:
    """The scale of every function, by its name with underscores.

    Raises:
        KeyError: A function has no scale label; whoever added it to stack.yml must say how far it scales.
    """
    import yaml

    functions = yaml.safe_load(path.read_text())["functions"].values()
    return {Path(spec["handler"]).name: _scale(spec["labels"]) for spec in functions}


def _scale(labels: dict[str, str]) -> Scale:
    return Scale(int(labels["com.openfaas.scale.min"]), int(labels["com.openfaas.scale.max"]))
