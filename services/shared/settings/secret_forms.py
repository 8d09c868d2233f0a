"""The form that each secret has to have."""

import base64
from collections.abc import Callable, Mapping
from typing import Final

from cryptography.fernet import Fernet

SHORTEST_INDEX_KEY: Final = 32
SEED_BYTES: Final = 32


def signing_seeds(secret: str) -> list[bytes]:
    """Return the seeds of the signing keys, the newest first. Raises ValueError where one is not of its form."""
    seeds = [base64.b64decode(part.strip(), validate=True) for part in secret.split(",")]
    if any(len(seed) != SEED_BYTES for seed in seeds):
        raise ValueError("a seed has 32 bytes")
    return seeds


def _are_seeds(secret: str) -> bool:
    try:
        return bool(signing_seeds(secret))
    except ValueError:
        return False


def _are_fernet_keys(secret: str) -> bool:
    try:
        return bool([Fernet(key.strip()) for key in secret.split(",")])
    except ValueError:
        return False


WELL_FORMED: Final[Mapping[str, Callable[[str], bool]]] = {
    "encryption_keys": _are_fernet_keys,
    "blind_index_key": lambda secret: len(secret) >= SHORTEST_INDEX_KEY,
    "audit_signing_key": _are_seeds,
}
