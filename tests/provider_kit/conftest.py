"""The kit is tested against the feed's own door."""

from tests.card_ingest.conftest import feed as feed
