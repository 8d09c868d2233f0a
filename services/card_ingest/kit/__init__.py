"""What a provider integrates with: a check of its files and signatures, and a simulated provider to compare with.

It stands above every door: the check reads files as the feed does, without a database; the simulator speaks to a
running server over HTTP alone and keeps its own record of what must be true in the end.
"""
