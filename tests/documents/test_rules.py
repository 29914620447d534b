"""Rules beyond the schema: each fault is refused with the standard's reason code."""

from collections.abc import Callable

import pytest

from tests.samples import CHP, DSO, HEAT_PUMP, SAMPLES
from tps.documents import DocumentRefused, decode, encode
from tps.errors import Finding

FEEDER = b'<mRID codingScheme="A10">571313190000009014</mRID>'
REGISTRATION, POINTS, LISTING = "asset registration", "connection point registration", "asset list, changes"
REQUEST, SCHEDULES = "asset list request", "schedule request of one day and two assets"
FORESEEN, STOP, PART, ACCEPTED = "foreseen limit", "emergency stop", "foreseen limit to an operator", "accepted"
OVERLAPPING = b"""<Available_Period><timeInterval><start>2020-04-10T06:30Z</start><end>2020-04-10T07:00Z</end>
    </timeInterval><resolution>PT30M</resolution><Point><position>1</position><quantity>1</quantity></Point>
    </Available_Period>"""
A_POINT = b"<position>1</position>\n        <quantity>500</quantity>"


def without(name: bytes) -> Callable[[bytes], bytes]:
    """Return a function that removes the first element of that name. The element must contain only text."""

    def change(content: bytes) -> bytes:
        start = content.index(b"<" + name)
        return content[:start] + content[content.index(b"</" + name + b">", start) + len(name) + 3 :]

    return change


def with_text(old: bytes, new: bytes, count: int = 1) -> Callable[[bytes], bytes]:
    """Return a function that replaces the first `count` occurrences. The text must occur."""

    def change(content: bytes) -> bytes:
        assert old in content
        return content.replace(old, new, count)

    return change


def without_issuer_code(content: bytes) -> bytes:
    """Return the document without the series reason ISSUER=."""
    start = content.index(b"<Reason>", content.index(b"</text>", content.index(b"ACTION=")))
    end = content.index(b"</Reason>", start) + len(b"</Reason>")
    assert b"ISSUER=" in content[start:end]
    return content[:start] + content[end:]


RULES: list[tuple[str, str, Callable[[bytes], bytes], str]] = [
    ("A46", REGISTRATION, with_text(b">1200.5<", b">-1<"), "negative power"),
    ("A42", REGISTRATION, with_text(b">1200.5<", b">0.0001<"), "finer than a watt"),
    ("A42", REGISTRATION, with_text(b">1200.5<", b">1000000000.001<"), "absurd power"),
    ("A42", REGISTRATION, with_text(b">1200.5<", b">0." + b"0" * 40 + b"1<"), "more digits than there are"),
    ("A69", REGISTRATION, without(b"installedGeneration_Quantity.quantity"), "no maximum at all"),
    ("A69", REGISTRATION, without(b"active_Measurement_Unit.name"), "a quantity without unit"),
    ("A69", REGISTRATION, without(b"Specific_RegisteredResource"), "no connection point"),
    ("A64", REGISTRATION, with_text(b">A04<", b">A11<"), "a point among assets"),
    ("A64", REGISTRATION, with_text(b">571313190000000011<", b">571313190000000012<", 2), "a wrong check digit"),
    ("A55", REGISTRATION, with_text(b">571313190000000042<", b">571313190000000011<"), "one asset twice"),
    ("A78", REGISTRATION, with_text(b'"A10">5790000000012</owner', b'"A10">5790000000043</owner'), "another's asset"),
    ("A53", REGISTRATION, with_text(b">A39</receiver", b">A50</receiver"), "a DSO gets a registration"),
    ("A78", REGISTRATION, with_text(b">A52</sender", b">A39</sender"), "the platform registers"),
    ("A64", POINTS, with_text(b">A11<", b">A04<"), "an asset among points"),
    ("A59", POINTS, with_text(b"</Domain>", b"</Domain><Specific_RegisteredResource>" + FEEDER
                              + b"</Specific_RegisteredResource>"), "a point at a point"),
    ("A46", POINTS, with_text(b">600.25<", b">-600.25<"), "negative power of a point"),
    ("A79", LISTING, with_text(b">A39</process", b">A55</process"), "a removal in a whole list"),
    ("A78", LISTING, with_text(b">A39</sender", b">A52</sender"), "a list by an operator"),
    ("A94", REQUEST, with_text(b">A95<", b">A77<"), "a request for limits"),
    ("A79", REQUEST, with_text(b">A55<", b">A62<"), "a request of another process"),
    ("A78", REQUEST, with_text(b"<attributeValue>5790000000005<", b"<attributeValue>5790000000012<"), "for another"),
    ("A55", REQUEST, with_text(b">ProcessType<", b">DocumentType<"), "an attribute twice"),
    ("A69", REQUEST, with_text(b">MarketParticipant<", b">RegisteredResource<"), "no participant"),
    ("A59", REQUEST, with_text(b">ProcessType<", b">RegisteredResource<"), "a part of the asset list"),
    ("A04", SCHEDULES, with_text(b"Z/2020-04-10T22", b"Z/2020-04-08T22"), "a request that ends before it starts"),
    ("A04", SCHEDULES, with_text(b"Z/2020", b"Z--2020"), "an interval in another form"),
    ("A78", SCHEDULES, with_text(b">A50</sender", b">A52</sender"), "an operator asks"),
    ("A04", FORESEEN, with_text(b"<end>2020-04-10T08:00Z", b"<end>2020-04-10T05:00Z"), "document ends before start"),
    ("A04", FORESEEN, with_text(b"</Available_Period>", b"</Available_Period>" + OVERLAPPING), "overlapping periods"),
    ("A04", FORESEEN, with_text(b">06:00:00Z<", b">06:30:00Z<"), "a series at another time"),
    ("A04", FORESEEN, with_text(b">08:00:00Z<", b">08:00:30Z<"), "a series with seconds"),
    ("A49", FORESEEN, with_text(b"<position>1<", b"<position>2<"), "the first position missing"),
    ("A49", FORESEEN, with_text(A_POINT, A_POINT + b"</Point><Point><position>61</position><quantity>1</quantity>"),
     "a position outside"),
    ("A49", FORESEEN, with_text(A_POINT, A_POINT + b"</Point><Point>" + A_POINT), "a position twice"),
    ("A49", FORESEEN, with_text(b">A03<", b">A01<"), "missing positions of curve A01"),
    ("A41", FORESEEN, with_text(b">PT1M<", b">P1D<"), "a resolution longer than the period"),
    ("A46", FORESEEN, with_text(b">500<", b">-500<"), "a negative limit"),
    ("A42", FORESEEN, with_text(b">500<", b">500.0001<"), "a limit finer than a watt"),
    ("A42", FORESEEN, with_text(b">500<", b">" + b"9" * 30 + b"<"), "a limit of too many digits"),
    ("A55", FORESEEN, with_text(b">571313190000000035<", b">571313190000000011<"), "one asset twice in a limit"),
    ("A62", FORESEEN, with_text(b">A77<", b">A53<"), "a foreseen limit of both directions"),
    ("A62", FORESEEN, with_text(b"<businessType>A53<", b"<businessType>A54<"), "an emergency with periods"),
    ("A59", FORESEEN, with_text(b">A05<", b">A09<"), "a cancelled limit with a series"),
    ("A69", "foreseen limit, cancelled", with_text(b">A09<", b">A05<"), "an active limit without a series"),
    ("A78", FORESEEN, with_text(b">A50</sender", b">A52</sender"), "an operator sends a limit"),
    ("A53", PART, with_text(b">A52</receiver", b">A50</receiver"), "a part goes to a DSO"),
    ("A42", PART, with_text(b"WEIGHT_KW=1200.5", b"WEIGHT_KW=many"), "a weight that is none"),
    ("A42", PART, with_text(b"WEIGHT_KW=1200.5", b"WEIGHT_KW=NaN"), "a weight that is not a number"),
    ("A59", PART, with_text(b"SHARE_RULE", b"SHARE_RULES"), "unknown information"),
    ("A59", PART, with_text(b"ISSUER=5790000000005</text>", b"ISSUER_NAME=x</text>"), "a name given twice"),
    ("A59", "emergency to an operator", without_issuer_code, "a name without its code"),
    ("A59", STOP, with_text(b"ACTION=STOP</text>", b"ACTION=STOP</text></Reason><Reason><code>A95</code>"
                            b"<text>ISSUER_NAME=North Grid</text>"), "an issuer named by a DSO"),
    ("A59", "emergency stop", with_text(b"ACTION=STOP</text>", b"ISSUER=5790000000005</text></Reason><Reason><code>A95"
                                        b"</code><text>ACTION=STOP</text>"), "a DSO says who issued"),
    ("A69", STOP, with_text(b"ACTION=STOP", b"ACTION=JUMP"), "an unknown action"),
    ("A59", STOP, with_text(b"ACTION=STOP</text>", b"ACTION=STOP</text></Reason><Reason><code>A95</code><text>"
                            b"ACTION=STOP</text>"), "two actions"),
    ("A69", STOP, with_text(b"<code>A95", b"<code>B18"), "no action"),
    ("A94", STOP, with_text(b"<code>B18", b"<code>A95"), "a document without a reason of its own"),
    ("A94", ACCEPTED, with_text(b"<code>A01", b"<code>A64"), "an answer without outcome"),
    ("A94", "rejected", with_text(b"<code>A51", b"<code>A01"), "two outcomes"),
    ("A78", ACCEPTED, with_text(b">A39</sender", b">A52</sender"), "parties that acknowledge each other"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "sample", "change"), [pytest.param(code, sample, change, id=name) for code, sample, change, name in RULES]
)
def test_a_rule_refuses_with_its_reason_code(code: str, sample: str, change: Callable[[bytes], bytes]) -> None:
    content = change(encode(SAMPLES[sample]))

    with pytest.raises(DocumentRefused) as refused:
        decode(content)

    assert {code} == {finding.code for finding in refused.value.findings}
    assert all(finding.detail for finding in refused.value.findings)
    assert refused.value.header is not None


def test_every_bad_asset_of_a_registration_is_named() -> None:
    content = encode(SAMPLES[REGISTRATION]).replace(b">1200.5<", b">-1<").replace(b">12.345<", b">0.0001<")

    with pytest.raises(DocumentRefused) as refused:
        decode(content)

    assert [(finding.code, finding.pointer, finding.subject) for finding in refused.value.findings] == [
        ("A46", "/assets/0/max_production_kw", CHP),
        ("A42", "/assets/2/max_consumption_kw", "NDK:heat-4711"),
    ]


def test_a_removal_may_say_what_it_likes_about_the_asset() -> None:
    """Older systems repeat the complete registration with the cancellation."""
    content = encode(SAMPLES["asset removal"]).replace(b">A03<", b">B57<")

    assert SAMPLES["asset removal"] == decode(content)


def test_megawatts_are_kilowatts_exactly() -> None:
    content = encode(SAMPLES[REGISTRATION]).replace(b">KWT<", b">MAW<", 1).replace(b">1200.5<", b">1.2005<")

    assert SAMPLES[REGISTRATION] == decode(content)


def test_a_limit_without_status_is_active() -> None:
    content = encode(SAMPLES[FORESEEN])
    start, end = content.index(b"<docStatus>"), content.index(b"</docStatus>") + len(b"</docStatus>")

    assert SAMPLES[FORESEEN] == decode(content[:start] + content[end:])


def test_a_brp_is_accepted_and_forgotten() -> None:
    content = encode(SAMPLES[REGISTRATION]).replace(
        b"</Domain>",
        b'</Domain><Interested_MarketParticipant><mRID codingScheme="A10">5790000000036</mRID>'
        b"</Interested_MarketParticipant>",
    )

    assert SAMPLES[REGISTRATION] == decode(content)


@pytest.mark.parametrize(("present", "older"), [(b">A52</sender", b">A27</sender"), (b">A50</sender", b">A18</sender")])
def test_roles_of_older_systems_are_read(present: bytes, older: bytes) -> None:
    sample = REGISTRATION if b"52" in present else FORESEEN

    document = decode(encode(SAMPLES[sample]).replace(present, older))

    assert document.header.sender == SAMPLES[sample].header.sender


def test_the_findings_of_a_refusal_are_for_the_sender_alone() -> None:
    content = encode(SAMPLES[REQUEST]).replace(b"<attributeValue>5790000000005<", b"<attributeValue>5790000000012<")

    with pytest.raises(DocumentRefused) as refused:
        decode(content)

    assert (Finding("A78", "", "MarketParticipant must be the sender"),) == refused.value.findings
    assert refused.value.header is not None
    assert refused.value.header.sender == DSO
    assert HEAT_PUMP not in refused.value.detail
