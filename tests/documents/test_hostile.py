"""Hostile bytes: the only error of decoding is a refusal with a reason code, at low cost."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.samples import SAMPLES
from tps.documents import DocumentRefused, codec, decode, encode, profiles, xml

GOOD = encode(SAMPLES["foreseen limit"])
NAMESPACE = b"urn:iec62325.351:tc57wg16:451-6:outagedocument:4:0"
BILLION_LAUGHS = (
    b'<!DOCTYPE a [<!ENTITY b "ha">'
    + b"".join(b'<!ENTITY %c "&%c;&%c;&%c;&%c;">' % (c + 1, c, c, c, c) for c in range(ord("b"), ord("w")))
    + b"]><a>&w;</a>"
)
HOSTILE = {
    "nothing": b"",
    "blanks": b"  \n",
    "text": b"hello",
    "half a document": GOOD[:-20],
    "two roots": GOOD + b"<more/>",
    "a DTD": GOOD.replace(b"<Unav", b"<!DOCTYPE Unavailability_MarketDocument><Unav", 1),
    "a DTD in other letters": GOOD.replace(b"<Unav", b"<!doctype a><Unav", 1),
    "an external entity": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
    "an undeclared entity": GOOD.replace(b"B19", b"&x;", 1),
    "billion laughs": BILLION_LAUGHS,
    "deep nesting": b"<a>" * 100_000 + b"</a>" * 100_000,
    "binary zeros": GOOD.replace(b"B19", b"B19\0", 1),
    "UTF-16": GOOD.decode().encode("utf-16"),
    "not UTF-8": GOOD.replace(b"B19", b"\xff\xfe", 1),
    "another encoding": GOOD.replace(b"UTF-8", b"UTF-7", 1),
    "Latin-1 by name": GOOD.replace(b"UTF-8", b"ISO-8859-1", 1),
    "another namespace": GOOD.replace(NAMESPACE, b"urn:somebody:else"),
    "no namespace": GOOD.replace(b' xmlns="' + NAMESPACE + b'"', b""),
    "another version": GOOD.replace(b"outagedocument:4:0", b"outagedocument:3:0"),
    "another root": b'<Else xmlns="' + NAMESPACE + b'"/>',
    "a processing instruction for a schema": b'<?xml-model href="http://example.invalid/x"?>' + b"<a/>",
    "an inclusion": GOOD.replace(b"<docStatus>", b'<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="a"/>'),
    "a type of the instance": GOOD.replace(
        b"<mRID>1<",
        b'<mRID xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="Else">1<',
    ),
    "a position of more zeros than Python reads": GOOD.replace(b"<position>1", b"<position>" + b"0" * 4_300 + b"1", 1),
    "a position of many digits": GOOD.replace(b"<position>1", b"<position>" + b"9" * 5_000, 1),
    "a revision of many digits": GOOD.replace(b"<revisionNumber>1", b"<revisionNumber>" + b"1" * 5_000, 1),
    "a year before all years": GOOD.replace(b"<start>2020", b"<start>0000", 1),
    "a year after all years": GOOD.replace(b"<createdDateTime>2020", b"<createdDateTime>99999", 1),
    "a date that is none": re.sub(rb"(?<=<start_DateAndOrTime.date>)[^<]*", b"2020-02-30", GOOD),
    "a thirteenth month": GOOD.replace(b"2020-04-02T08", b"2020-13-02T08", 1),
}  # fmt: skip


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in HOSTILE.items()])
def test_hostile_bytes_are_refused_as_unprocessable(content: bytes) -> None:
    with pytest.raises(DocumentRefused) as refused:
        decode(content)

    assert [finding.code for finding in refused.value.findings] == ["A94"]


def test_a_document_above_the_size_is_refused_before_it_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml.etree, "fromstring", _must_not_be_called)

    with pytest.raises(DocumentRefused, match="bytes"):
        decode(b" " * (xml.MAX_BYTES + 1))


@pytest.mark.parametrize("piece", [b"<a/>", b'x="" '])
def test_a_document_of_nothing_but_markup_is_refused_before_it_is_parsed(
    piece: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml.etree, "fromstring", _must_not_be_called)

    with pytest.raises(DocumentRefused, match="tags"):
        decode(piece * (xml.MAX_MARKUP + 1))


@pytest.mark.parametrize("name", ["a DTD", "an external entity", "billion laughs", "another encoding"])
def test_what_could_hide_or_blow_up_is_refused_before_it_is_parsed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml.etree, "fromstring", _must_not_be_called)

    with pytest.raises(DocumentRefused, match=r"document type declaration|UTF-8"):
        decode(HOSTILE[name])


def test_a_refusal_tells_element_and_rule_but_no_path_of_the_machine() -> None:
    broken = GOOD.replace(b"<businessType>A53", b"<businessType>A99")

    with pytest.raises(DocumentRefused) as refused:
        decode(broken)

    assert "businessType" in refused.value.detail
    assert str(profiles.FOLDER.parent) not in refused.value.detail
    assert "{urn" not in refused.value.detail


def test_comments_and_instructions_inside_a_value_change_nothing() -> None:
    commented = GOOD.replace(b"<code>B19", b"<code>B<!-- x -->1<?y z?>9").replace(b"<mRID>1<", b"<!-- a --><mRID>1<")

    assert SAMPLES["foreseen limit"] == decode(commented)


def test_blanks_around_codes_and_a_byte_order_mark_change_nothing() -> None:
    spaced = b"\xef\xbb\xbf" + GOOD.replace(b"<code>B19", b"<code>\n  B19 ").replace(b">500<", b"> 500\n<")

    assert SAMPLES["foreseen limit"] == decode(spaced)


@given(st.binary(max_size=400))
@example(b"<")
@example(b"<?xml version='1.0' encoding='utf-8'?>")
def test_junk_is_refused(junk: bytes) -> None:
    with pytest.raises(DocumentRefused):
        decode(junk)


@given(name=st.sampled_from(sorted(SAMPLES)), data=st.data())
def test_a_damaged_document_is_read_or_refused(name: str, data: st.DataObject) -> None:
    content = bytearray(encode(SAMPLES[name]))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        end = start + data.draw(st.integers(0, 12))
        content[start:end] = data.draw(
            st.binary(max_size=8) | st.sampled_from([b"-", b"9", b"0", b"A", b"/>", b"&#0;"])
        )

    _must_be_read_or_refused(bytes(content))


@given(name=st.sampled_from(sorted(SAMPLES)), data=st.data())
def test_a_document_with_another_value_somewhere_is_read_or_refused(name: str, data: st.DataObject) -> None:
    root = xml.parse(encode(SAMPLES[name]))
    leaves = [element for element in root.iter() if len(element) == 0]
    values = sorted({leaf.text or "" for leaf in leaves} | {"-1", "0", "1E3", "2020-02-30", "A95", "P1D", "0.0001", ""})
    data.draw(st.sampled_from(leaves)).text = data.draw(st.sampled_from(values))

    _must_be_read_or_refused(xml.serialise(root))


NUMBERS = ["0" * 4_300 + "1", "0" * 5_000, "9" * 5_000, "-" + "0" * 4_301, "+1", "1E999999999", "1e-9999999", "NaN",
           "Infinity", "0x10", "1_000", "\u0661", "." * 5_000, "0." + "0" * 5_000 + "1"]  # fmt: skip
TIMES = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00",
         "2020-02-30T00:00:00Z", "2020-01-01T24:00:00Z", "2020-06-30T23:59:60Z", "2020-01-01T00:00:00.9999999Z",
         "99999-01-01T00:00:00Z", "-2020-01-01T00:00:00Z", "2020-W01-1T00:00Z", "20200101T000000Z"]  # fmt: skip
HARSH = [*NUMBERS, *TIMES, *(time[:16] + "Z" for time in TIMES), "2020-01-01T00:00Z/9999-12-31T24:00Z", "WEIGHT_KW=NaN"]


@given(name=st.sampled_from(sorted(SAMPLES)), data=st.data())
def test_a_harsh_number_or_time_anywhere_is_read_or_refused(name: str, data: st.DataObject) -> None:
    """`decode` raises only refusals. Any other error would deliver the same message again and again."""
    root = xml.parse(encode(SAMPLES[name]))
    leaves = [element for element in root.iter() if len(element) == 0]
    data.draw(st.sampled_from(leaves)).text = data.draw(st.sampled_from(HARSH))

    _must_be_read_or_refused(xml.serialise(root))


def test_a_value_that_python_cannot_hold_is_refused_wherever_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def overflows(_root: object) -> None:
        raise OverflowError("date value out of range")

    monkeypatch.setattr(codec.unavailability, "decode", overflows)

    with pytest.raises(DocumentRefused) as refused:
        decode(GOOD)

    assert [finding.code for finding in refused.value.findings] == ["A94"]
    assert refused.value.received is not None


def _must_not_be_called(*_: object) -> None:
    raise AssertionError("parsed")


def _must_be_read_or_refused(content: bytes) -> None:
    try:
        document = decode(content)
    except DocumentRefused:
        return
    assert document == decode(encode(document))
