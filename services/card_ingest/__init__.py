"""The card feed, a straight line: receive, verify, scan, keep, read, stage, post, categorise, move balances, record.

It writes the feeds' and the money's tables, reads accounts and cards, and knows neither of the other services. The
stages (`signatures`, `scanning`, `formats`, `profiles`, `categories`, `staging`, `holds`, `posting`, `quarantine`,
`deliveries`) do not know each other: `reading`, `batches` and `pipeline` hand the values of `events` and `outcomes` on
from one to the next.
"""
