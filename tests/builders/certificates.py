"""Client certificates as a provider makes them for itself, and as a proxy hands them on."""

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from services.shared import clock


@dataclass(frozen=True, slots=True)
class Made:
    """A certificate as its owner has it: as PEM, percent-encoded, as RFC 9440 writes it, and its SHA-256."""

    pem: str
    escaped: str
    structured: str
    fingerprint: bytes


def a_certificate(
    *,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | None = None,
) -> Made:
    """Return a self-signed certificate, valid today unless told otherwise."""
    now = clock.now()
    own = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a card provider")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid_from or now - timedelta(days=1))
        .not_valid_after(valid_until or now + timedelta(days=90))
        .sign(own, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM).decode()
    der = base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()
    return Made(pem, quote(pem, safe=""), f":{der}:", made.fingerprint(hashes.SHA256()))
