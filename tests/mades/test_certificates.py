"""Certificates name their component and use, and only the platform's authority can issue them (F1)."""

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tests.mades.builders import NOW, OLD_OPERATOR, OPERATOR, STRANGER, authority, component
from tps.errors import MessageRefused, RuleBroken
from tps.mades.certificates import (
    Authority,
    Certificate,
    CertificateUse,
    create_authority,
    create_component,
    dump_public_key,
    generate_key,
    issue,
    load_certificate,
    load_public_key,
    verify_certificate,
)

USES = list(CertificateUse)


def refusal_of(certificate: Certificate, now=NOW, **expected) -> str:
    with pytest.raises(MessageRefused) as refused:
        verify_certificate(certificate, authority().certificate_pem, now, **expected)
    return refused.value.code


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("code", [OPERATOR, OLD_OPERATOR])
def test_an_issued_certificate_is_believed_for_its_component_and_use(code: str, use: CertificateUse) -> None:
    certificate = component(code).certificate(use)

    verify_certificate(certificate, authority().certificate_pem, NOW, component=code, use=use)

    assert (code, use) == (certificate.component, certificate.use)


def test_one_of_another_authority_of_the_same_name_is_untrusted() -> None:
    false_authority = create_authority("Test authority", NOW)
    certificate = create_component(false_authority, OPERATOR, "False", now=NOW).certificate(CertificateUse.SIGNING)

    assert refusal_of(certificate) == "certificate_untrusted"


def test_a_component_cannot_certify_others() -> None:
    signing = component(OPERATOR).certificate(CertificateUse.SIGNING)
    would_be = Authority(signing.pem, component(OPERATOR).keys.signing)
    certificate = create_component(would_be, STRANGER, "Forged", now=NOW).certificate(CertificateUse.SIGNING)

    assert refusal_of(certificate) == "certificate_untrusted"


def test_one_just_issued_is_believed_where_the_clock_is_behind() -> None:
    certificate = component(OPERATOR).certificate(CertificateUse.SIGNING)

    verify_certificate(certificate, authority().certificate_pem, NOW - timedelta(minutes=4))


def test_one_with_a_key_that_a_component_may_not_have_is_refused() -> None:
    model = x509.load_pem_x509_certificate(component(OPERATOR).certificate(CertificateUse.SIGNING).pem.encode())
    weak = ec.generate_private_key(ec.SECP192R1())
    builder = x509.CertificateBuilder(model.issuer, model.subject, weak.public_key(), 7)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1))
    for extension in model.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    pem = builder.sign(authority().private_key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    with pytest.raises(RuleBroken):
        load_certificate(pem)


@pytest.mark.parametrize("away", [timedelta(minutes=-6), timedelta(days=730, seconds=1)])
def test_one_out_of_its_validity_is_expired(away: timedelta) -> None:
    assert refusal_of(component(OPERATOR).certificate(CertificateUse.SIGNING), NOW + away) == "certificate_expired"


def test_one_of_an_expired_authority_is_untrusted() -> None:
    short_lived = create_authority("Short", NOW, timedelta(days=1))
    certificate = create_component(short_lived, OPERATOR, "x", now=NOW).certificate(CertificateUse.SIGNING)

    with pytest.raises(MessageRefused) as refused:
        verify_certificate(certificate, short_lived.certificate_pem, NOW + timedelta(days=2))

    assert refused.value.code == "certificate_untrusted"


def test_one_of_another_component_is_unknown() -> None:
    certificate = component(OPERATOR).certificate(CertificateUse.SIGNING)

    assert refusal_of(certificate, component=STRANGER) == "certificate_unknown"


@pytest.mark.parametrize("use", USES)
def test_one_for_another_use_is_unknown(use: CertificateUse) -> None:
    for other in set(USES) - {use}:
        assert refusal_of(component(OPERATOR).certificate(use), use=other) == "certificate_unknown"


@pytest.mark.parametrize(
    ("code", "use", "names"),
    [
        (OPERATOR, CertificateUse.AUTHENTICATION, {"digital_signature"}),
        (OPERATOR, CertificateUse.SIGNING, {"digital_signature", "content_commitment"}),
        (OPERATOR, CertificateUse.ENCRYPTION, {"key_agreement"}),
        (OLD_OPERATOR, CertificateUse.ENCRYPTION, {"key_encipherment"}),
    ],
)
def test_key_usage_says_what_the_key_is_for(code: str, use: CertificateUse, names: set[str]) -> None:
    certificate = x509.load_pem_x509_certificate(component(code).certificate(use).pem.encode())

    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)

    usages = {"digital_signature", "content_commitment", "key_agreement", "key_encipherment", "key_cert_sign"}
    assert usage.critical
    assert names == {name for name in usages if getattr(usage.value, name)}


def test_the_component_stands_in_subject_and_alternative_name() -> None:
    code = "ABC-1@9"
    pem = create_component(authority(), code, "Ærø Elforsyning", now=NOW).certificate(CertificateUse.SIGNING).pem
    certificate = x509.load_pem_x509_certificate(pem.encode())

    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value

    assert [code] == [name.value for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    assert [f"urn:mades:component:{code}"] == names.get_values_for_type(x509.UniformResourceIdentifier)


def test_a_certificate_is_the_same_after_dump_and_load() -> None:
    certificate = component(OPERATOR).certificate(CertificateUse.SIGNING)

    loaded = load_certificate(certificate.pem)

    assert certificate == loaded
    assert certificate.certificate_id == loaded.certificate_id
    assert len(loaded.certificate_id) == 64


def test_every_certificate_has_an_id_of_its_own() -> None:
    ids = {certificate.certificate_id for code in (OPERATOR, STRANGER) for certificate in component(code).certificates}

    assert len(ids) == 6


@pytest.mark.parametrize("pem", ["", "nonsense", authority().certificate_pem, authority().certificate_pem[:200]])
def test_what_is_no_certificate_of_a_component_is_refused(pem: str) -> None:
    with pytest.raises(RuleBroken):
        load_certificate(pem)


def test_a_code_that_could_end_up_in_a_subject_as_a_wildcard_is_never_certified() -> None:
    with pytest.raises(MessageRefused):
        create_component(authority(), "a.>", "x", now=NOW)


@pytest.mark.parametrize(
    "key",
    [
        ec.generate_private_key(ec.SECP384R1()),
        rsa.generate_private_key(public_exponent=65537, key_size=1024),
        dsa.generate_private_key(2048),
    ],
)
def test_weak_or_other_keys_of_applicants_are_refused(key) -> None:
    with pytest.raises(RuleBroken):
        issue(authority(), OPERATOR, "x", CertificateUse.SIGNING, public_key=key.public_key(), now=NOW)
    with pytest.raises(RuleBroken):
        load_public_key(dump_public_key(key.public_key()))


def test_an_applicants_key_is_read_from_pem() -> None:
    key = generate_key().public_key()

    assert key == load_public_key(dump_public_key(key))
    with pytest.raises(RuleBroken):
        load_public_key(b"nonsense")
