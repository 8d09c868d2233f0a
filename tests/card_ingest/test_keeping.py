"""Content in pieces: whole lines, and of a line longer than any row whole elements."""

import zlib
from pathlib import Path

import pytest

from services.card_ingest import keeping
from services.card_ingest.keeping import Chunk
from services.shared import ciphers
from services.shared.settings import development_secrets
from services.shared.settings.installation import Settings


@pytest.mark.parametrize(
    ("unit", "ends"),
    [
        (b"<Ntry><Amt>4111 1111 1111 1111</Amt></Ntry>", b">"),
        (b'{"a":"4111111111111111"},', b"}"),
        (b"a,b,>c\n", b"\n"),
    ],
)
def test_a_file_of_one_line_is_kept_in_pieces_that_end_where_an_element_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: bytes, ends: bytes
) -> None:
    monkeypatch.setattr(keeping, "CHUNK_BYTES", 1_000)
    file = tmp_path / "one-line"
    file.write_bytes(unit * (5 * keeping.CHUNK_BYTES // len(unit)) + b"end")
    pieces = list(keeping.chunks(file, came=keeping.fingerprint(file)))
    assert len(pieces) > 2
    assert max(len(piece.content) for piece in pieces) <= 2 * keeping.CHUNK_BYTES
    assert all(piece.content.endswith(ends) for piece in pieces[:-1])
    if ends != b"\n":
        assert not any(b"4111" in piece.content for piece in pieces)
    else:
        assert b"".join(piece.content for piece in pieces) == file.read_bytes()


def test_what_is_kept_is_ordinary_zlib_and_comes_back_as_it_was() -> None:
    own = ciphers.from_settings(development_secrets.with_development_secrets(Settings()))
    chunk = Chunk(b"a,b\n1,2\n" * 1_000, is_redacted=False)
    sealed = keeping.sealed(chunk, ciphers=own)
    assert zlib.decompress(own.decrypt(sealed)) == chunk.content
    assert keeping.unsealed(own.encrypt(zlib.compress(chunk.content)), ciphers=own) == chunk.content
    assert len(sealed) < len(chunk.content)
