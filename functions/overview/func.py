"""Overview (F3): the platform operator sees who takes part.

Wakes on: HTTP from the platform operator.   Reads: the parties of the installation.   Decides and emits nothing.
Privacy:  ROL-01, REF-01, PRB-02 (docs/privacy.md).
"""

from tps.runtime.contract import contract_routes
from tps.runtime.function import Answer, Route, pong, serve
from tps.runtime.paging import PAGING, read_paging
from tps.stores.registry import all_parties


def list_parties(call):
    """Every party, sorted by its code."""
    call.only_known(*PAGING)
    paging = read_paging(call)
    with call.endpoint.database.transaction() as tx:
        found = all_parties(tx, call.tps)
    page, following = paging.cut(found, lambda party: (party.code,))
    return Answer({"parties": [party_json(each) for each in page], **following}, is_tagged=True)


def party_json(party):
    """A party as the platform operator sees it."""
    return {"code": party.code, "role": party.role, "name": party.name, "component": party.component}


ROUTES = (
    Route("GET", "/tps/v1/ping", pong, is_open=True),
    *contract_routes("tps"),
    Route("GET", "/tps/v1/parties", list_parties),
)


def main(context):
    """Answer one invocation."""
    return serve(context, routes=ROUTES)
