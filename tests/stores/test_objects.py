"""Documents in S3: the same cases on the real store and on moto's (F6, F9: every document as sent and as received)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.support.servers import documents
from tps.errors import StoreAway
from tps.local.embedded.ports import free_ports
from tps.local.embedded.stack import LocalStack
from tps.mades.ids import new_id
from tps.stores.objects import DocumentStore, document_key


@pytest.fixture(scope="module")
def moto() -> Iterator[DocumentStore]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret"
    )
    client.create_bucket(Bucket="documents")
    yield DocumentStore(url, "key", "secret", "documents")
    client.close()
    server.stop()


@pytest.fixture(params=["moto", "real"])
def store(request: pytest.FixtureRequest) -> DocumentStore:
    if request.param == "moto":
        moto: DocumentStore = request.getfixturevalue("moto")
        return moto
    return documents(request.getfixturevalue("local"), "tps")


def test_a_document_is_read_as_it_was_put(store: DocumentStore) -> None:
    key, content = new_id(), "<Straße>\n</Straße>".encode()

    was_put = store.put(key, content)

    assert was_put
    assert store.get(key) == content


def test_what_is_there_is_never_overwritten(store: DocumentStore) -> None:
    key = new_id()
    store.put(key, b"first")

    was_put = store.put(key, b"second")

    assert not was_put
    assert store.get(key) == b"first"


def test_what_was_never_put_is_none(store: DocumentStore) -> None:
    assert store.get(new_id()) is None


def test_an_empty_document_is_one(store: DocumentStore) -> None:
    key = new_id()
    store.put(key, b"")

    assert store.get(key) == b""


def test_of_many_who_put_at_once_one_does_and_it_is_that_ones(local: LocalStack) -> None:
    store, key = documents(local, "tps"), new_id()

    def put(number: int) -> int | None:
        try:
            return number if store.put(key, b"%d" % number) else None
        except StoreAway:  # the store could not tell the first writer, so put again
            return put(number)

    with ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(put, range(8)) if number is not None]

    assert len(winners) == 1
    assert store.get(key) == b"%d" % winners[0]


def test_a_large_document_is_whole(store: DocumentStore) -> None:
    key, content = new_id(), bytes(range(256)) * 4096 * 17

    store.put(key, content)

    assert store.get(key) == content


def test_it_is_there_if_it_answers(store: DocumentStore) -> None:
    assert store.is_there()


def test_anothers_bucket_is_as_good_as_away(local: LocalStack) -> None:
    theirs = documents(local, "agr")
    store = DocumentStore(local.s3_url, "tps", local.vault.password("s3.tps"), "agr-documents")
    key = new_id()
    theirs.put(key, b"theirs")

    assert not store.is_there()
    with pytest.raises(StoreAway):
        store.get(key)
    with pytest.raises(StoreAway):
        store.put(new_id(), b"mine")


def test_a_store_that_is_not_there_is_away() -> None:
    (port,) = free_ports(1)
    store = DocumentStore(f"http://127.0.0.1:{port}", "key", "secret", "documents")

    assert not store.is_there()
    with pytest.raises(StoreAway):
        store.put("key", b"content")


def test_a_key_says_direction_type_and_day() -> None:
    at = datetime(2026, 3, 9, 23, 30, tzinfo=UTC)

    assert document_key("in", "TPS-ASSET", at, "0a1b") == "in/TPS-ASSET/2026/03/09/0a1b.xml"
