"""Acts of the administrator: a provider is registered and set, its keys come and go."""

from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from services.card_ingest import queries, schemas
from services.card_ingest.profiles import profile as profiles
from services.card_ingest.signatures import keys, schemes
from services.card_ingest.signatures.keys import StorableKey
from services.shared import audit
from services.shared.audit import Subject
from services.shared.database import WriteSession
from services.shared.errors import Conflict, Invalid, NotFound
from services.shared.tables.feeds import FeedKey, FeedProvider
from services.shared.vocabulary.feeds import FeedKeyKind

SUBJECT: Final = "provider"

_AMENDED: Final = ("name", "signature_scheme", "push_profile", "expected_every_hours", "first_day_on")


class ProviderTaken(Conflict):
    """A provider of this code is registered."""

    code = "provider_taken"


class KeyRetired(Conflict):
    """The key was retired before."""

    code = "key_retired"


class CertificateTaken(Conflict):
    """The certificate already speaks for a provider."""

    code = "certificate_taken"


async def register_provider(
    session: WriteSession, *, values: schemas.NewProvider, own_profiles: Path | None = None, now: datetime
) -> schemas.Provider:
    """Register a provider; it can deliver once it has a key. Raises ProviderTaken, Invalid for an unknown profile.

    `own_profiles` is the folder of the council's own layouts, where the provider may push one of them.
    """
    if await session.get(FeedProvider, values.code) is not None:
        raise ProviderTaken("a provider of this code is registered already", pointer="/code")
    _require_profile(values.push_profile, own_profiles)
    registered = FeedProvider(created_at=now, **values.model_dump())
    session.add(registered)
    after = {name: value for name, value in _facts(registered).items() if value is not None}
    await audit.record(session, action="register_provider", subject=Subject(SUBJECT, values.code), after=after)
    return await queries.provider(session, registered)


async def amend_provider(
    session: WriteSession, *, provider_code: str, values: schemas.ProviderAmendment, own_profiles: Path
) -> schemas.Provider:
    """Amend what was sent of a provider. Raises NotFound, Invalid for an unknown profile or for nothing to amend.

    Another scheme counts from the next push on: whoever signs by the old one is then refused.
    """
    amended = await session.get(FeedProvider, provider_code, with_for_update=True)
    if amended is None:
        raise NotFound("there is no such provider")
    if not (changes := values.model_dump(exclude_unset=True)):
        raise Invalid("name at least one thing to amend", code="empty_amendment", pointer="")
    _require_profile(changes.get("push_profile"), own_profiles)
    before = _facts(amended)
    for name, value in changes.items():
        setattr(amended, name, value)
    subject = Subject(SUBJECT, provider_code)
    await audit.record(session, action="amend_provider", subject=subject, before=before, after=_facts(amended))
    return await queries.provider(session, amended)


async def add_feed_key(
    session: WriteSession, *, provider_code: str, values: schemas.NewFeedKey | None, now: datetime
) -> schemas.NewKey | schemas.Key:
    """Add a key, live at once beside the others; a secret that is made here is returned this once.

    Without `values` it is the secret of the provider's scheme. Raises NotFound, Invalid, UnusableKey, WeakKey,
    CertificateTaken.
    """
    provider = await session.get(FeedProvider, provider_code)
    if provider is None:
        raise NotFound("there is no such provider")
    kind = schemes.SECRET_OF.get(provider.signature_scheme) if values is None else values.kind
    if kind is None:
        detail = "this provider signs with a key of its own: send its public part"
        raise Invalid(detail, code="public_part_needed", pointer="/public_part")
    is_made_here = kind in keys.SECRETS and (values is None or (values.secret or values.public_part) is None)
    stored = StorableKey(keys.new_secret(kind)) if is_made_here else _given(kind, values, now=now)
    await _require_new(session, stored.fingerprint)
    key = FeedKey(
        id=uuid4(),
        provider_code=provider_code,
        secret_encrypted=session.ciphers.encrypt(stored.text),
        created_at=now,
        retired_at=None,
        kind=kind,
        fingerprint=stored.fingerprint,
    )
    session.add(key)
    shown = schemas.Key.model_validate(key)
    after = {"key": key.id, "kind": kind.value, "created_at": now, "fingerprint": shown.fingerprint}
    await audit.record(session, action="add_feed_key", subject=Subject(SUBJECT, provider_code), after=after)
    return schemas.NewKey(id=key.id, kind=kind, secret=stored.text, created_at=now) if is_made_here else shown


async def retire_feed_key(session: WriteSession, *, provider_code: str, key_id: UUID, now: datetime) -> None:
    """Retire a key: nothing that it proves is taken from now on. Raises NotFound, KeyRetired."""
    key = await session.get(FeedKey, key_id, with_for_update=True)
    if key is None or key.provider_code != provider_code:
        raise NotFound("there is no such key")
    if key.retired_at is not None:
        raise KeyRetired("the key was retired before")
    key.retired_at = now
    after = {"key": key_id, "retired_at": now}
    await audit.record(session, action="retire_feed_key", subject=Subject(SUBJECT, provider_code), after=after)


def _given(kind: FeedKeyKind, values: schemas.NewFeedKey | None, *, now: datetime) -> StorableKey:
    """Return the key that was sent, which must be of the one form that its kind has."""
    secret, public_part = (values.secret, values.public_part) if values is not None else (None, None)
    if kind in keys.SECRETS and secret is not None and public_part is None:
        return keys.secret(kind, secret)
    if kind not in keys.SECRETS and public_part is not None and secret is None:
        return keys.public_part(kind, public_part, now=now)
    if kind in keys.SECRETS:
        raise Invalid("a key of this kind has no public part", code="secret_needed", pointer="/public_part")
    raise Invalid("send the public part of the key alone", code="public_part_needed", pointer="/public_part")


async def _require_new(session: WriteSession, fingerprint: bytes | None) -> None:
    if fingerprint is not None and await queries.provider_of_certificate(session, fingerprint) is not None:
        raise CertificateTaken("this certificate is a live key already", pointer="/public_part")


def _require_profile(name: str | None, own_profiles: Path | None) -> None:
    """Raise Invalid unless there is a layout of this name."""
    if name is None:
        return
    try:
        profiles.load(name, own_folder=own_profiles or Path())
    except NotFound:
        raise Invalid("there is no such layout", code="unknown_profile", pointer="/push_profile") from None


def _facts(provider: FeedProvider) -> dict[str, object]:
    return {name: getattr(provider, name) for name in _AMENDED}
