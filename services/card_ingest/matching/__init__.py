"""One payment told by two messages posts once: rows of one bank's message found to tell of what another's has posted.

A match is recorded with its grounds and undone by two people; what cannot be told apart waits for them.
"""
