"""Routes over a party's own resources: set, change, read and remove up to thousands of them (F4b, F4c).

Assets of an operator and connection points of a DSO differ in their types only. This module has everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tps.api.bodies import LIST_BODY_BYTES, REGISTRATION_BODY_BYTES, Body, parse_json, pointer_of, read_body
from tps.api.types import IdsBody, check_id
from tps.documents import Document, Header
from tps.domain.asset import Removal
from tps.errors import Finding, Malformed, NotFound
from tps.party.resources import OwnResource, add_wish, read_own, read_wanted
from tps.rest.function import Answer, Call, Route, refuse
from tps.rest.json_text import to_json
from tps.rest.paging import PAGING, read_paging
from tps.rest.submission import Submission, sending, submit

MAX_QUERY_IDS = 50
_Entry = TypeVar("_Entry")


@dataclass(frozen=True)
class ResourceKind(Generic[_Entry]):
    """The types and names of one kind of resource.

    Attributes:
        path: Path of the routes, as in `/agr/v1/flexibility-assets`.
        name: Name of the list in bodies: `assets`, `connection_points`.
        message_type: Message type of the registration.
        body, patch: Types of the PUT and PATCH bodies.
        entry: Returns the domain value of one resource in a body.
        one: Type of one resource in a body. A changed resource is checked against it.
        check: Returns the faults. Pointers are `/<name>/<index>/...`.
        document: Returns the registration document of entries and removals.
        to_json: Returns a domain value as it is kept and read back.
        canonical_id: Returns the canonical spelling of an id.
    """

    path: str
    name: str
    message_type: str
    body: type[Body]
    patch: type[Body]
    entry: Callable[[Any], _Entry]
    one: type[Body]
    check: Callable[[Sequence[_Entry | Removal]], list[Finding]]
    document: Callable[[Header, tuple[_Entry | Removal, ...]], Document]
    to_json: Callable[[_Entry], dict[str, Any]]
    canonical_id: Callable[[str], str]

    def routes(self) -> tuple[Route, ...]:
        """Return the routes of this kind of resource."""
        return (
            Route("PUT", self.path, sending(self._put), max_body_bytes=REGISTRATION_BODY_BYTES),
            Route("PATCH", self.path, sending(self._patch), max_body_bytes=REGISTRATION_BODY_BYTES),
            Route("GET", self.path, self._get),
            Route("DELETE", self.path, sending(self._delete), max_body_bytes=LIST_BODY_BYTES),
            Route("POST", f"{self.path}/query", self._query, max_body_bytes=LIST_BODY_BYTES),
            Route("POST", f"{self.path}/removal", sending(self._removal), max_body_bytes=LIST_BODY_BYTES),
        )

    def _put(self, call: Call) -> Answer:
        """Set the resources in the body. All others stay as they are."""
        call.only_known("dry_run")
        body = read_body(self.body, call.raw_body)
        return self._register(call, [self.entry(resource) for resource in getattr(body, self.name)])

    def _patch(self, call: Call) -> Answer:
        """Change fields of the resources in the body (merge-patch), on top of changes under way."""
        call.only_known("dry_run")
        patches = getattr(read_body(self.patch, call.raw_body), self.name)
        ids = [self.canonical_id(patch.id) for patch in patches]
        with call.endpoint.database.transaction() as tx:
            known = read_wanted(tx, call.party, ids)
        _refuse_unknown(ids, known, f"/{self.name}/{{index}}/id")
        merged = [_merge(known[patched_id], patch) for patched_id, patch in zip(ids, patches, strict=True)]
        return self._register(call, [self.entry(self._read_one(body, index)) for index, body in enumerate(merged)])

    def _get(self, call: Call) -> Answer:
        call.only_known("id", *PAGING)
        paging, given = read_paging(call), call.query.get("id")
        resources = self._read(call, None if given is None else self._query_ids(given))
        page, following = paging.cut(resources, lambda resource: (resource.id,))
        return Answer({self.name: [_with_state(resource) for resource in page], **following}, is_tagged=True)

    def _query(self, call: Call) -> Answer:
        call.only_known()
        ids = [self.canonical_id(text) for text in read_body(IdsBody, call.raw_body).ids]
        resources = self._read(call, ids)
        return Answer({self.name: [_with_state(resource) for resource in resources]})

    def _delete(self, call: Call) -> Answer:
        call.only_known("id", "dry_run")
        given = call.query.get("id")
        if given and call.raw_body:
            raise Malformed(
                "ids in both query and body",
                [Finding("unknown_field", "/ids", "name the ids in the query or in the body, not in both")],
            )
        return self._remove(call, self._query_ids(given), "/id") if given else self._remove_named(call)

    def _removal(self, call: Call) -> Answer:
        call.only_known("dry_run")
        return self._remove_named(call)

    def _remove_named(self, call: Call) -> Answer:
        ids = [self.canonical_id(text) for text in read_body(IdsBody, call.raw_body).ids]
        return self._remove(call, ids, "/ids/{index}")

    def _query_ids(self, given: Sequence[str]) -> list[str]:
        if len(given) > MAX_QUERY_IDS:
            detail = f"a query may have at most {MAX_QUERY_IDS} ids; use POST {self.path}/query or /removal for more"
            raise Malformed("too many ids", [Finding("bad_type", "/id", detail)])
        try:
            return [self.canonical_id(check_id(text)) for text in given]
        except ValueError as error:
            raise Malformed("invalid id", [Finding("bad_type", "/id", str(error))]) from None

    def _read(self, call: Call, ids: list[str] | None) -> list[OwnResource]:
        with call.endpoint.database.transaction() as tx:
            return read_own(tx, call.party, ids)

    def _remove(self, call: Call, ids: list[str], pointer: str) -> Answer:
        with call.endpoint.database.transaction() as tx:
            known = read_wanted(tx, call.party, ids)
        _refuse_unknown(ids, known, pointer)
        _refuse_repeated(ids, pointer)
        return self._send(call, [Removal(resource_id) for resource_id in ids], dict.fromkeys(ids), pointer=pointer)

    def _register(self, call: Call, entries: list[_Entry]) -> Answer:
        refuse(self.check(entries))
        bodies = {entry.id: self.to_json(entry) for entry in entries}  # type: ignore[attr-defined]
        return self._send(call, entries, bodies, pointer=f"/{self.name}/{{index}}")

    def _send(
        self,
        call: Call,
        entries: Sequence[_Entry | Removal],
        bodies: Mapping[str, dict[str, Any] | None],
        *,
        pointer: str,
    ) -> Answer:
        places = {entry.id: index for index, entry in enumerate(entries)}  # type: ignore[union-attr]
        submission = Submission(
            type=self.message_type,
            build=lambda header: self.document(header, tuple(entries)),
            keep=lambda tx, message_id, sequence: add_wish(
                tx, party=call.party, message_id=message_id, sequence=sequence, bodies=bodies
            ),
            pointer_of=lambda subject: pointer.format(index=places[subject]) if subject in places else "",
        )
        return submit(call, submission)

    def _read_one(self, body: dict[str, Any], index: int) -> Body:
        from pydantic import ValidationError

        try:
            return self.one.model_validate(parse_json(to_json(body).encode()))
        except ValidationError as error:
            detail = "the change removes a required field"
            pointers = [pointer_of((self.name, index, *missing["loc"])) for missing in error.errors()]
            raise Malformed(detail, [Finding("missing", pointer, detail) for pointer in pointers]) from None


def _refuse_unknown(ids: Sequence[str], known: Mapping[str, Any], pointer: str) -> None:
    unknown = [
        Finding("A64", pointer.format(index=index), "the caller has not registered this id", resource_id)
        for index, resource_id in enumerate(ids)
        if resource_id not in known
    ]
    if unknown:
        raise NotFound("unknown ids: the caller has not registered all of them", unknown)


def _refuse_repeated(ids: Sequence[str], pointer: str) -> None:
    first = {resource_id: index for index, resource_id in reversed(list(enumerate(ids)))}
    refuse(
        [
            Finding("A55", pointer.format(index=index), "the request has this id twice", resource_id)
            for index, resource_id in enumerate(ids)
            if first[resource_id] != index
        ]
    )


def _merge(known: Mapping[str, Any], patch: Body) -> dict[str, Any]:
    """Merge a patch (RFC 7396): a given field replaces, and null removes."""
    given = {name: getattr(patch, name) for name in patch.model_fields_set if name != "id"}
    return {name: value for name, value in {**known, **given}.items() if value is not None}


def _with_state(resource: OwnResource) -> dict[str, Any]:
    body = {**resource.body, "state": resource.state}
    return {**body, "is_weight_capped": True} if resource.is_capped else body
