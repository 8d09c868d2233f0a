"""The client certificate that a caller showed the proxy which ends TLS, as that proxy hands it on.

TLS has proved that the caller holds the certificate's key; this proves that the proxy says so: the header is believed
only beside the secret that the proxy alone shares with us. Whose certificate it is, the service that keeps them knows.

Source: RFC 9440 (`Client-Cert`: base64 of the DER between colons); nginx hands on percent-encoded PEM instead.
"""

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from services.shared.settings.installation import Settings

SECRET_HEADER: Final = "x-proxy-secret"  # noqa: S105 (a name)

_LONGEST: Final = 16_384
_COLON: Final = ":"


def presented(headers: Mapping[str, str], *, settings: Settings, now: datetime) -> bytes | None:
    """Return the SHA-256 of the certificate that the caller holds, None where there is none that is believed."""
    if not settings.takes_client_certificates or settings.client_certificate_header is None:
        return None
    secret = settings.proxy_secret.get_secret_value()
    if not hmac.compare_digest(headers.get(SECRET_HEADER, "").encode(), secret.encode()):
        return None
    value = headers.get(settings.client_certificate_header.lower(), "")
    try:
        return _fingerprint(value, now=now) if 0 < len(value) <= _LONGEST else None
    except (ValueError, x509.InvalidVersion):
        return None


def _fingerprint(value: str, *, now: datetime) -> bytes | None:
    """Return the SHA-256 of a certificate that is valid now. Raises ValueError where it is none."""
    if value.startswith(_COLON):
        certificate = x509.load_der_x509_certificate(base64.b64decode(value.strip(_COLON), validate=True))
    else:
        certificate = x509.load_pem_x509_certificate(unquote_to_bytes(value))
    is_valid = certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc
    return certificate.fingerprint(hashes.SHA256()) if is_valid else None
