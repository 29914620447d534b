"""What the standard has no element for: named values in the series Reasons A95 of a limit.

`ACTION=` of an emergency, and, from the platform to an operator, `SHARE_RULE=`, `WEIGHT_KW=`, `ISSUER=` (the DSO's
code) and, where it is known, `ISSUER_NAME=`.
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
    """The series' Reasons A95 by name; others repeat the document's reason."""
    information: dict[str, str] = {}
    for element in repeated(series, "Reason"):
        fields = children(element)
        if text(fields["code"]) != INFORMATION:
            continue
        name, _, value = (text(fields["text"]) if "text" in fields else "").partition("=")
        if name not in _NAMES or name in information or not value:
            raise refusal("A59", "a series reason A95 that is unknown, empty or given twice")
        information[name] = value
    return information


def read_action(information: Mapping[str, str]) -> Action:
    """The action of an emergency, which must be there (A69)."""
    try:
        return Action(information.get("ACTION", "").lower())
    except ValueError:
        raise refusal("A69", "an unforeseen limit needs ACTION=START, ACTION=STOP or ACTION=HOLD") from None


def read_share(information: Mapping[str, str]) -> Share | None:
    """How the operator's part came about; rule and weight belong together (A42)."""
    rule, weight = information.get("SHARE_RULE"), information.get("WEIGHT_KW")
    if rule is None and weight is None:
        return None
    try:
        weight_kw = Decimal(weight or "")
    except InvalidOperation:
        weight_kw = Decimal(-1)
    if rule is None or not is_whole_watts(weight_kw) or weight_kw < 0:
        raise refusal("A42", "SHARE_RULE and a WEIGHT_KW that is a power belong together")
    return Share(rule, canonical_kw(weight_kw))


def information_texts(
    action: Action | None, share: Share | None, issuer: str | None, issuer_name: str | None = None
) -> list[str]:
    """The texts to write, in their order."""
    texts = [] if action is None else [f"ACTION={action.upper()}"]
    if share is not None:
        texts += [f"SHARE_RULE={share.rule}", f"WEIGHT_KW={format_power(share.weight_kw)}"]
    if issuer is not None:
        texts.append(f"ISSUER={issuer}")
    return texts if issuer_name is None else [*texts, f"ISSUER_NAME={issuer_name}"]
