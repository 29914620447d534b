"""Named values in the series Reasons A95 of a limit, for which the standard has no element.

An emergency has `ACTION=`. A limit from the platform to an operator has `SHARE_RULE=`, `WEIGHT_KW=`, `ISSUER=` (the
DSO's code) and, if known, `ISSUER_NAME=`.

Source: docs/documents.md, "Information in reasons".
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from tps.documents.errors import refusal
from tps.documents.xml import Element, children, format_power, repeated, text
from tps.domain.limit import Action, Share
from tps.domain.power import canonical_kw, is_whole_watts

INFORMATION = "A95"
_NAMES = frozenset({"ACTION", "SHARE_RULE", "WEIGHT_KW", "ISSUER", "ISSUER_NAME"})


def read_information(series: Element) -> dict[str, str]:
    """Return the values of the series' Reasons A95 by name.

    Other Reasons repeat the document's reason and are ignored.
    """
    information: dict[str, str] = {}
    for element in repeated(series, "Reason"):
        fields = children(element)
        if text(fields["code"]) != INFORMATION:
            continue
        name, _, value = (text(fields["text"]) if "text" in fields else "").partition("=")
        if name not in _NAMES or name in information or not value:
            raise refusal("A59", "a series reason A95 must be a known NAME=value, and each name may appear only once")
        information[name] = value
    return information


def read_action(information: Mapping[str, str]) -> Action:
    """Return the action of an emergency. Refuse the document if the action is missing (A69)."""
    try:
        return Action(information.get("ACTION", "").lower())
    except ValueError:
        raise refusal("A69", "an unforeseen limit must have ACTION=START, ACTION=STOP or ACTION=HOLD") from None


def read_share(information: Mapping[str, str]) -> Share | None:
    """Return the rule and weight behind the operator's part, or None. Refuse one of them without the other (A42)."""
    rule, weight = information.get("SHARE_RULE"), information.get("WEIGHT_KW")
    if rule is None and weight is None:
        return None
    try:
        weight_kw = Decimal(weight or "")
    except InvalidOperation:
        weight_kw = Decimal(-1)
    if rule is None or not is_whole_watts(weight_kw) or weight_kw < 0:
        raise refusal("A42", "SHARE_RULE and WEIGHT_KW must appear together, and WEIGHT_KW must be a power >= 0")
    return Share(rule, canonical_kw(weight_kw))


def information_texts(
    action: Action | None, share: Share | None, issuer: str | None, issuer_name: str | None = None
) -> list[str]:
    """Return the texts of the series Reasons A95, in order."""
    texts = [] if action is None else [f"ACTION={action.upper()}"]
    if share is not None:
        texts += [f"SHARE_RULE={share.rule}", f"WEIGHT_KW={format_power(share.weight_kw)}"]
    if issuer is not None:
        texts.append(f"ISSUER={issuer}")
    return texts if issuer_name is None else [*texts, f"ISSUER_NAME={issuer_name}"]
