"""Reading and judging the rows of a delivery, against only loading their JSON into memory."""

import io
from random import Random

import orjson

from benchmarks import batches, filling, measure
from benchmarks.measure import Result, Scale, Stopwatch
from services.card_ingest import reading
from services.card_ingest.events import ReadRow
from services.card_ingest.profiles.profile import NdjsonProfile

_ROWS = 10_000
_SPOILT = 100
_PROFILE = NdjsonProfile(name="canonical", version=1, title="Our own")


def result(scale: Scale) -> Result:
    """Measure on a body in which one row in a hundred cannot be read and is told apart from the rest."""
    (batch,) = batches.batches(Random(1), count=1, rows=_ROWS, accounts=1_000)
    lines = batch.body.splitlines(keepends=True)
    lines[::_SPOILT] = [line.replace(b'"GBP"', b'"EUR"') for line in lines[::_SPOILT]]
    body = b"".join(lines)
    ours: list[float] = []
    limits: list[float] = []
    for _ in range(scale.rounds + 2):
        watch = Stopwatch()
        rows = list(
            reading.rows(_PROFILE, io.BytesIO(body), account_ref=None, received_on=filling.TODAY, is_redacted=False)
        )
        ours.append(watch.rate(len(rows)))
        read = sum(isinstance(row, ReadRow) for row in rows)
        measure.require(read == _ROWS - _ROWS // _SPOILT, "a good row was not read, or a bad one was")
        watch = Stopwatch()
        loaded = [orjson.loads(line) for line in io.BytesIO(body)]
        limits.append(watch.rate(len(loaded)))
    limit_is = "orjson.loads of each line, kept as they are"
    return Result("ingest.parse", measure.median(ours[2:]), measure.median(limits[2:]), "rows/s", limit_is, 1.2, 2.0)
