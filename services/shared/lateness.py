"""When a provider's feed is late: the one statement of it, for all who show a balance or act on one."""

from typing import Final

LATE_FROM: Final = """
    SELECT provider.code AS provider_code, newest.received_at AS newest_at,
        coalesce(newest.received_at, provider.created_at)
            + make_interval(hours => provider.expected_every_hours::integer) AS late_from
    FROM feed_provider AS provider
    LEFT JOIN LATERAL (
        SELECT delivery.received_at FROM feed_delivery AS delivery WHERE delivery.provider_code = provider.code
        ORDER BY delivery.received_at DESC LIMIT 1
    ) AS newest ON true
"""
"""Each provider: when its feed last delivered (NULL before the first time), and from when on it is late: once more
than `expected_every_hours` have passed since then, or since the provider was registered. NULL where nothing was agreed:
such a feed is never late.
"""
