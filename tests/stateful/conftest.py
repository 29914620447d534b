"""What the histories share."""

import pytest

# A history that differs is told by what differed.
pytest.register_assert_rewrite("tests.stateful.onlookers")
