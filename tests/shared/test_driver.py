"""How the database is reached over a network: what an address says of TLS is what the connection then demands."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from services.shared import driver
from services.shared.settings.installation import Settings

SSL_REQUEST = 8


@dataclass(frozen=True, slots=True)
class Peer:
    """A server that speaks PostgreSQL's TLS greeting, notes who came through, and hangs up."""

    port: int
    certificate: Path
    key: Path
    greeted: list[dict[str, object] | None]

    def address(self, query: str) -> URL:
        return driver.driver_address(f"postgresql://somebody:word@127.0.0.1:{self.port}/dp?{query}")


def self_signed(folder: Path, *, name: str) -> tuple[Path, Path]:
    """Write a certificate for this address, which is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address(name))
    made = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([address]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    certificate, private = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private.write_bytes(key.private_bytes(*form))
    return certificate, private


async def serve(folder: Path, *, name: str) -> AsyncIterator[Peer]:
    certificate, key = self_signed(folder, name=name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(certificate)
    greeted: list[dict[str, object] | None] = []

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(SSL_REQUEST)
        writer.write(b"S")
        try:
            await writer.start_tls(context)
            await reader.readexactly(SSL_REQUEST)
            greeted.append(writer.get_extra_info("ssl_object").getpeercert())
        except (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        yield Peer(server.sockets[0].getsockname()[1], certificate, key, greeted)


@pytest.fixture
async def peer(tmp_path: Path) -> AsyncIterator[Peer]:
    async for each in serve(tmp_path, name="127.0.0.1"):
        yield each


@pytest.fixture
async def misnamed(tmp_path: Path) -> AsyncIterator[Peer]:
    async for each in serve(tmp_path, name="127.0.0.2"):
        yield each


async def trouble_of(address: URL) -> BaseException:
    """Return why a connection fails: the peer hangs up after the greeting, so that each one does."""
    engine = driver.engine(address, settings=Settings(), application_name="test")
    with pytest.raises((OSError, DBAPIError)) as trouble:
        await engine.connect()
    await engine.dispose()
    return trouble.value


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_a_server_with_the_right_certificate_is_greeted(peer: Peer, mode: str) -> None:
    trouble = await trouble_of(peer.address(f"sslmode={mode}&sslrootcert={peer.certificate}"))
    assert not isinstance(trouble, ssl.SSLError)
    assert peer.greeted == [None]


@pytest.mark.parametrize(
    "query", ["sslmode=verify-full", "sslmode=verify-ca", "sslmode=verify-full&sslrootcert=system"]
)
async def test_a_server_whose_authority_nobody_knows_is_not_spoken_to(peer: Peer, query: str) -> None:
    assert isinstance(await trouble_of(peer.address(query)), ssl.SSLCertVerificationError)
    assert peer.greeted == []


async def test_a_server_of_another_name_is_not_spoken_to(misnamed: Peer) -> None:
    trouble = await trouble_of(misnamed.address(f"sslmode=verify-full&sslrootcert={misnamed.certificate}"))
    assert isinstance(trouble, ssl.SSLCertVerificationError)
    await trouble_of(misnamed.address(f"sslmode=verify-ca&sslrootcert={misnamed.certificate}"))
    assert misnamed.greeted == [None]


async def test_a_client_shows_its_own_certificate(peer: Peer) -> None:
    ours = f"sslcert={peer.certificate}&sslkey={peer.key}"
    await trouble_of(peer.address(f"sslmode=verify-full&sslrootcert={peer.certificate}&{ours}"))
    (shown,) = peer.greeted
    assert shown


async def test_mere_encryption_asks_for_no_certificate(peer: Peer) -> None:
    await trouble_of(peer.address("sslmode=require"))
    assert peer.greeted == [None]


def test_what_tls_needs_leaves_the_address() -> None:
    url = driver.driver_address("postgresql://somebody:word@db.example.gov.uk:5433/dp?sslmode=prefer&target=1")
    assert (url.drivername, url.host, url.port) == ("postgresql+asyncpg", "db.example.gov.uk", 5433)
    bare, arguments = driver.with_tls(url)
    assert (dict(bare.query), arguments) == ({"target": "1"}, {"ssl": "prefer"})
    assert driver.with_tls(bare) == (bare, {})


@pytest.mark.parametrize("query", ["sslmode=verify", "sslmode=prefer&sslrootcert=/ca.pem", "sslrootcert=/ca.pem"])
def test_an_address_that_demands_nothing_of_its_certificates_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match="sslmode="):
        driver.with_tls(driver.driver_address(f"postgresql://db.example.gov.uk/dp?{query}"))
