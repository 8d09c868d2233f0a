"""Content in pieces: whole lines, and of a line longer than any row whole elements."""

from pathlib import Path

import pytest

from services.card_ingest import keeping


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
