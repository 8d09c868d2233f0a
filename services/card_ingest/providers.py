"""Acts of the administrator: a provider is registered, its signing keys come and go."""

from datetime import datetime
from uuid import UUID, uuid4

from services.card_ingest import schemas
from services.card_ingest.signatures import standard_webhooks
from services.shared import audit
from services.shared.audit import Subject
from services.shared.database import WriteSession
from services.shared.errors import Conflict, NotFound
from services.shared.tables.feeds import FeedKey, FeedProvider

SUBJECT = "provider"


class ProviderTaken(Conflict):
    """A provider of this code is registered."""

    code = "provider_taken"


class KeyRetired(Conflict):
    """The key was retired before."""

    code = "key_retired"


async def register_provider(session: WriteSession, *, values: schemas.NewProvider, now: datetime) -> schemas.Provider:
    """Register a provider; it can deliver once it has a key. Raises ProviderTaken."""
    if await session.get(FeedProvider, values.code) is not None:
        raise ProviderTaken("a provider of this code is registered already", pointer="/code")
    session.add(FeedProvider(code=values.code, name=values.name, created_at=now))
    await audit.record(
        session, action="register_provider", subject=Subject(SUBJECT, values.code), after={"name": values.name}
    )
    return schemas.Provider(code=values.code, name=values.name, created_at=now, keys=[])


async def add_feed_key(session: WriteSession, *, provider_code: str, now: datetime) -> schemas.NewKey:
    """Make a new signing key, live at once beside the others, and return its secret this once. Raises NotFound."""
    if await session.get(FeedProvider, provider_code) is None:
        raise NotFound("there is no such provider")
    secret = standard_webhooks.new_secret()
    key = FeedKey(
        id=uuid4(),
        provider_code=provider_code,
        secret_encrypted=session.ciphers.encrypt(secret),
        created_at=now,
        retired_at=None,
    )
    session.add(key)
    after = {"key": key.id, "created_at": now}
    await audit.record(session, action="add_feed_key", subject=Subject(SUBJECT, provider_code), after=after)
    return schemas.NewKey(id=key.id, secret=secret, created_at=now)


async def retire_feed_key(session: WriteSession, *, provider_code: str, key_id: UUID, now: datetime) -> None:
    """Retire a signing key: nothing signed with it is taken from now on. Raises NotFound, KeyRetired."""
    key = await session.get(FeedKey, key_id, with_for_update=True)
    if key is None or key.provider_code != provider_code:
        raise NotFound("there is no such key")
    if key.retired_at is not None:
        raise KeyRetired("the key was retired before")
    key.retired_at = now
    after = {"key": key_id, "retired_at": now}
    await audit.record(session, action="retire_feed_key", subject=Subject(SUBJECT, provider_code), after=after)
