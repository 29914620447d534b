"""One installation per test process."""

import pytest

# The assertions of the onlookers describe the difference.
pytest.register_assert_rewrite("tests.stateful.onlookers")
