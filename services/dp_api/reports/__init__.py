"""What was spent, on what, when and for whom: reports for auditors and finance, from posted transactions.

It reads the summary that every batch feeds and the transactions themselves, and writes nothing.
"""
