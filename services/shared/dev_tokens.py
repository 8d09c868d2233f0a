"""The tokens that the embedded default signs itself, for any role, so production refuses it.

Its key is made once and kept in `<data_dir>/secrets/`, so that a token outlives a restart.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import ECAlgorithm

from services.shared.identity.roles import Role
from services.shared.settings.installation import Settings
from services.shared.settings.unsafe import UnsafeSettingsError
from services.shared.values import staff_numbers

NAME: Final = "urn:direct-payments:dev-issuer"
AUDIENCE: Final = "direct-payments"
ALGORITHM: Final = "ES256"
KEY_ID: Final = "dev"
CLIENT: Final = "dp"
HOLDS_SECONDS: Final = 12 * 3_600
JWKS_PATH: Final = "/dev-issuer/jwks.json"


def sign(
    settings: Settings,
    *,
    role: Role,
    name: str | None = None,
    teams: Sequence[str] = (),
    provider: str | None = None,
    client: str = CLIENT,
    holds_seconds: int = HOLDS_SECONDS,
) -> str:
    """Return a token for a role; `name` is the staff number (or the feed's machine), `DEV-<ROLE>` where none is given.

    `client` is the application that asked for it: each of a provider's senders has its own share of requests.

    Raises UnsafeSettingsError where the dev issuer is not switched on, ValueError for what is no staff number.
    """
    subject = name or f"dev-{role.value.replace('_', '-')}"
    subject = subject if role is Role.FEED else staff_numbers.folded(subject)
    claims: dict[str, Any] = {
        "iss": NAME,
        "aud": audience(settings),
        "sub": subject,
        "azp": client,
        "iat": int(time.time()),
        "exp": int(time.time()) + holds_seconds,
    }
    _put(claims, settings.roles_claim, [role.value])
    if role is Role.FEED:
        claims[settings.provider_claim] = provider
    else:
        claims |= {settings.staff_number_claim: subject, settings.teams_claim: list(teams)}
    return jwt.encode(claims, signing_key(settings), algorithm=ALGORITHM, headers={"kid": KEY_ID})


def key_set(key: ec.EllipticCurvePrivateKey) -> Mapping[str, Any]:
    """Return the public key as a JSON Web Key Set."""
    public = json.loads(ECAlgorithm.to_jwk(key.public_key()))
    return {"keys": [{**public, "kid": KEY_ID, "alg": ALGORITHM, "use": "sig"}]}


def signing_key(settings: Settings) -> ec.EllipticCurvePrivateKey:
    """Return the dev issuer's private key, made at the first call. Raises UnsafeSettingsError where it is not on."""
    if not settings.has_dev_issuer or settings.is_production:
        raise UnsafeSettingsError("the dev issuer is off: tokens come from the council's own issuer")
    file = settings.data_dir / "secrets" / "dev_issuer_key"
    if not file.exists():
        _make(file)
    key = load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise UnsafeSettingsError(f"{file} holds no elliptic-curve key")
    return key


def _make(file: Path) -> None:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = ec.generate_private_key(ec.SECP256R1())
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with suppress(FileExistsError):
        os.link(draft, file)
    draft.unlink()


def audience(settings: Settings) -> str:
    """Return whom the tokens are for."""
    return settings.audience or AUDIENCE


def _put(claims: dict[str, Any], path: str, value: Any) -> None:
    """Set a claim at a dotted path."""
    *steps, last = path.split(".")
    for step in steps:
        claims = claims.setdefault(step, {})
    claims[last] = value
