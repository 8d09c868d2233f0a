"""Personal assistants (PAs), and which recipients employ them with direct payment money.

It knows recipients and staff teams, and nothing of agreements or accounts.
"""
