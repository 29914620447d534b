"""The numbers in docs/privacy.md agree with the table."""

from tests.architecture.sources import ROOT
from tests.privacy import table
from tests.privacy.table_stores import BUCKETS, DATABASES, STREAMS, SUBJECTS
from tests.support.identities import BAD_TOKENS

PAGE = ROOT / "docs" / "privacy.md"


def test_the_page_tells_the_table_as_it_is() -> None:
    page, tables = PAGE.read_text(), sum(map(len, DATABASES.values()))

    for told in (
        f"One table of {table.rows()} rows",
        f"- {len(table.ROUTES)} routes",
        f"- {len(table.SERVICES)} addresses of the MADES web service",
        f"- {len(table.EVENTS)} events and ticks",
        f"{len(table.PROBES)} probes, open; {len(table.SHUT)} doors",
        f"{len(table.PAGES)} of the GUI",
        f"- {len(SUBJECTS)} families of subjects and {len(STREAMS)} streams",
        f"- {len(DATABASES)} databases with {tables} tables, {len(BUCKETS)} buckets",
        f"{len(BAD_TOKENS)} kinds of tokens that do not hold",
    ):
        assert told in page
