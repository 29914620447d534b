"""Limits on sizes keep the code readable; the functions below count."""

import ast
from collections.abc import Callable
from statistics import median

from tests.architecture.sources import ROOT, Function, Source, source_of, sources

MODULE_LINES = 400
FUNCTION_LINES = 50
MEDIAN_FUNCTION_LINES = 12
POSITIONAL_PARAMETERS = 4


def module_lines(source: Source) -> int:
    """Return the number of lines of the file."""
    return len(source.lines)


def function_lines(source: Source, function: Function) -> int:
    """Return the lines of a function from `def` to its end, without docstring, blank lines and comments."""
    documented = _docstring_lines(function)
    numbers = range(function.lineno, (function.end_lineno or function.lineno) + 1)
    return sum(1 for number in numbers if number not in documented and _is_code(source.lines[number - 1]))


def positional_parameters(function: Function) -> int:
    """Return the number of parameters that callers may pass by position, without `self` and `cls`."""
    names = [parameter.arg for parameter in (*function.args.posonlyargs, *function.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def _docstring_lines(function: Function) -> range:
    first = function.body[0]
    if ast.get_docstring(function) is None:
        return range(0)
    return range(first.lineno, (first.end_lineno or first.lineno) + 1)


def _is_code(line: str) -> bool:
    return bool(line.strip()) and not line.strip().startswith("#")


def test_a_module_is_not_too_long() -> None:
    assert {each.name: module_lines(each) for each in sources() if module_lines(each) > MODULE_LINES} == {}


def test_no_function_is_too_long() -> None:
    lines = {f"{source.name}: {f.name}": function_lines(source, f) for source in sources() for f in source.functions()}

    assert {name: count for name, count in lines.items() if count > FUNCTION_LINES} == {}


def test_no_function_takes_too_many_positional_parameters() -> None:
    functions = [(source.name, function) for source in sources() for function in source.functions()]
    many = [f"{name}: {f.name}" for name, f in functions if positional_parameters(f) > POSITIONAL_PARAMETERS]

    assert many == []


def test_the_median_function_is_short(record_property: Callable[[str, object], None]) -> None:
    lengths = [function_lines(source, function) for source in sources() for function in source.functions()]

    record_property("median_function_lines", median(lengths))
    assert median(lengths) <= MEDIAN_FUNCTION_LINES


SAMPLE = '''
def measured(self, a, b, *, c=1):
    """One line.

    And more.
    """
    # Why.
    first = a

    return first + b + c
'''


def test_a_function_is_measured_without_its_docstring_comments_and_blank_lines() -> None:
    source = source_of(ROOT / "shared/tps/domain/x.py", SAMPLE)

    (function,) = source.functions()

    assert function_lines(source, function) == 3
    assert positional_parameters(function) == 2
