"""The web frame of all three services: who comes in, how a request becomes a session, and how trouble is told.

It knows every floor of `shared` below it and no service, no feature and no table of theirs but staff and idempotency.
"""
