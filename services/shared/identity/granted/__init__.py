"""One module per service: its operations, and the roles that are granted each. `permissions` merges and checks them.

A new operation is two lines in its service's module. The modules do not know each other.
"""
