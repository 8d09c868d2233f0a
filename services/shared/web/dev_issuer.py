"""The issuer that the embedded default brings along, as one to trust beside the council's own."""

from cryptography.hazmat.primitives.asymmetric import ec
from jwt import PyJWK

from services.shared import dev_tokens
from services.shared.settings.installation import Settings
from services.shared.web import tokens


class OwnKeys:
    """The dev issuer's one key, without a detour over the network."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._keys = tokens.by_id(dev_tokens.key_set(key))

    async def key(self, kid: str | None) -> PyJWK | None:
        """Return the key if the token names it."""
        return tokens.find(self._keys, kid)


def issuer(settings: Settings) -> tokens.Issuer:
    """Return the dev issuer as one to trust. Raises UnsafeSettingsError where it is not switched on."""
    return tokens.Issuer(
        name=dev_tokens.NAME,
        audience=dev_tokens.audience(settings),
        algorithms=(dev_tokens.ALGORITHM,),
        keys=OwnKeys(dev_tokens.signing_key(settings)),
    )
