"""Samples of every document: valid by both schemas, equal after a round trip, without data of other parties."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.documents.oracle import EXAMPLES, ORACLE, files
from tests.samples import AGR, ASSET_NAME, BRP, DSO, RIVAL, RIVALS_ASSET, ROLES, SAMPLES
from tps.documents import Document, DocumentRefused, decode, encode, load_official_schemas, profiles, received

XSD = ORACLE / "xsd"
MODELS = {
    "Ref_MarketDocument": "iec62325_451_n_mltopconfigurationdocument_v1_0:RefMarketDocument",
    "StatusRequest_MarketDocument": "iec62325_451_5_statusrequest_v4_0:StatusRequestMarketDocument",
    "Unavailability_MarketDocument": "iec62325_451_6_outage_v4_0:UnavailabilityMarketDocument",
    "GL_MarketDocument": "iec62325_451_6_generationload_v3_1:GlMarketDocument",
    "Acknowledgement_MarketDocument": "iec62325_451_1_acknowledgement_v8_0:AcknowledgementMarketDocument",
}
ODD_TEXTS = [
    "", " ", "x" * 36, "x" * 61, "1E3", "+1.", ".5", "-0", "0400", "A01", " A01 ", "A02", "2020-02-30", "24:00:00Z",
    "2020-04-02T24:00:00Z", "2020-04-02T08:00:00+00:00", "2020-04-02T08:00:00.5Z", "0000-01-01", "1000",
    "001", "\u0661",
]  # fmt: skip
every_sample = pytest.mark.parametrize("document", [pytest.param(value, id=name) for name, value in SAMPLES.items()])


@pytest.fixture
def official_schemas() -> Iterator[None]:
    if not XSD.is_dir():
        pytest.skip("the official schemas are not here (TPS_ORACLE_DIR)")
    load_official_schemas(XSD)
    yield
    load_official_schemas(None)


@every_sample
def test_a_sample_is_valid_by_its_profile(document: Document) -> None:
    root = etree.fromstring(encode(document))

    assert profiles.fault(root) is None


@every_sample
def test_a_sample_is_the_same_after_a_round_trip(document: Document) -> None:
    content = encode(document)

    assert document == decode(content)
    assert content == encode(decode(content))


@every_sample
@pytest.mark.usefixtures("official_schemas")
def test_a_sample_is_valid_by_the_official_schema(document: Document) -> None:
    assert document == decode(encode(document))


@pytest.mark.usefixtures("official_schemas")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much], deadline=None)
@given(name=st.sampled_from(sorted(SAMPLES)), data=st.data())
def test_whatever_is_valid_by_a_profile_is_valid_by_the_official_schema(name: str, data: st.DataObject) -> None:
    root = etree.fromstring(encode(SAMPLES[name]))
    leaf = data.draw(st.sampled_from([element for element in root.iter() if len(element) == 0]))
    leaf.text = data.draw(st.sampled_from(ODD_TEXTS) | st.text("0123456789ABTZ:-. /\u00d8", max_size=70))
    load_official_schemas(None)
    assume(profiles.fault(root) is None)

    load_official_schemas(XSD)

    assert profiles.fault(root) is None


@every_sample
def test_an_independent_model_reads_a_sample(document: Document) -> None:
    model = _independent_model(etree.fromstring(encode(document)))

    assert document.header.document_id == model.m_rid


@every_sample
def test_what_an_acknowledgement_quotes_is_what_stands_in_the_document(document: Document) -> None:
    content = encode(document)
    broken = content.replace(b"<createdDateTime>", b"<nonsense/><createdDateTime>")

    with pytest.raises(DocumentRefused) as refused:
        decode(broken)

    assert document.header == refused.value.header
    assert received(document) == refused.value.received


TO_DSO = [name for name, sample in SAMPLES.items() if sample.header.receiver == DSO]
TO_AGR = [name for name, sample in SAMPLES.items() if sample.header.receiver == AGR]


@pytest.mark.parametrize("name", TO_DSO)
def test_nothing_that_goes_to_a_dso_tells_an_operator_or_an_assets_name(name: str) -> None:
    texts = _texts(encode(SAMPLES[name]))

    assert not texts & {AGR, RIVAL, BRP, ASSET_NAME}


@pytest.mark.parametrize("name", TO_AGR)
def test_nothing_that_goes_to_an_operator_tells_of_another(name: str) -> None:
    texts = _texts(encode(SAMPLES[name]))

    assert not texts & {RIVAL, BRP, RIVALS_ASSET}


def test_samples_go_to_each_kind_of_party() -> None:
    assert TO_DSO
    assert TO_AGR
    assert {sample.header.receiver for sample in SAMPLES.values()} <= set(ROLES)


@pytest.mark.parametrize("path", files(EXAMPLES, "*.xml"))
def test_an_example_of_the_design_reads_and_writes_to_equal_values(path: Any) -> None:
    document = decode(path.read_bytes())

    assert document == decode(encode(document))


@pytest.mark.parametrize("path", files(ORACLE / "transparency", "*.xml"))
def test_a_real_document_of_other_platforms_is_refused_with_a_named_reason(path: Any) -> None:
    with pytest.raises(DocumentRefused) as refused:
        decode(path.read_bytes())

    assert [finding.code for finding in refused.value.findings] == ["A94"]
    assert refused.value.received is not None


@pytest.mark.parametrize("year", range(2000, 2100))
def test_the_profile_knows_leap_years(year: int) -> None:
    is_leap = year % 4 == 0

    assert is_leap == _is_valid_minute(f"{year}-02-29T00:00Z")
    assert _is_valid_minute(f"{year}-02-28T23:59Z")
    assert not _is_valid_minute(f"{year}-04-31T00:00Z")


def _is_valid_minute(text: str) -> bool:
    root = etree.fromstring(encode(SAMPLES["foreseen limit, cancelled"]))
    starts = root.iter("{*}start")
    next(starts).text = text
    return profiles.fault(root) is None


def _texts(content: bytes) -> set[str]:
    return {part for element in etree.fromstring(content).iter() for part in (element.text or "").partition("=")}


def _independent_model(root: Any) -> Any:
    pytest.importorskip("entsoe", reason="entsoe-apy is not installed")
    from importlib import import_module

    from xsdata_pydantic.bindings import XmlParser

    module, _, name = MODELS[etree.QName(root).localname].partition(":")
    return XmlParser().from_bytes(etree.tostring(root), getattr(import_module(f"entsoe.xml_models.{module}"), name))
