"""A stored private key opens only with the group's key and only for its component and use."""

import pytest

from tests.mades.builders import OLD_OPERATOR, OPERATOR, component
from tps.errors import RuleBroken, Unavailable
from tps.mades.certificates import CertificateUse, bound_to, dump_private_key, load_private_key, unwrap, wrap

GROUP_KEY = bytes(range(32))
PEM = dump_private_key(component(OPERATOR).keys.signing)
BINDING = bound_to(OPERATOR, CertificateUse.SIGNING)


@pytest.mark.parametrize("code", [OPERATOR, OLD_OPERATOR])
def test_a_wrapped_key_is_the_same_again(code: str) -> None:
    pem = dump_private_key(component(code).keys.signing)

    again = load_private_key(unwrap(wrap(pem, GROUP_KEY, BINDING), GROUP_KEY, BINDING))

    assert pem == dump_private_key(again)


def test_it_needs_no_binding() -> None:
    assert unwrap(wrap(PEM, GROUP_KEY), GROUP_KEY) == PEM


def test_what_is_stored_does_not_hold_the_key() -> None:
    wrapped = wrap(PEM, GROUP_KEY, BINDING)

    assert b"PRIVATE" not in wrapped
    assert wrapped != wrap(PEM, GROUP_KEY, BINDING)


@pytest.mark.parametrize(
    ("group_key", "binding"),
    [
        (bytes(32), BINDING),
        (GROUP_KEY, bound_to(OLD_OPERATOR, CertificateUse.SIGNING)),
        (GROUP_KEY, bound_to(OPERATOR, CertificateUse.ENCRYPTION)),
        (GROUP_KEY, ""),
    ],
)
def test_another_group_component_or_use_does_not_open_it(group_key: bytes, binding: str) -> None:
    wrapped = wrap(PEM, GROUP_KEY, BINDING)

    with pytest.raises(Unavailable):
        unwrap(wrapped, group_key, binding)


@pytest.mark.parametrize("change", [lambda text: text[:-5], lambda _: b"", lambda _: b"a.b.c.d.e", bytes.swapcase])
def test_a_damaged_one_does_not_open(change) -> None:
    with pytest.raises(Unavailable):
        unwrap(change(wrap(PEM, GROUP_KEY, BINDING)), GROUP_KEY, BINDING)


def test_a_group_key_of_another_length_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        wrap(PEM, b"short")


@pytest.mark.parametrize("pem", [b"", b"nonsense", PEM[:60]])
def test_what_is_no_private_key_is_refused(pem: bytes) -> None:
    with pytest.raises(RuleBroken):
        load_private_key(pem)


def test_keys_do_not_show_in_texts() -> None:
    assert "private" not in repr(component(OPERATOR).signing_key).lower()
    assert "0x" not in repr(component(OPERATOR).keys)
