"""Direct payments in adult social care: three services that meet in one database, and the floor they share.

This package may know nothing but its own floors, whose order `pyproject.toml` declares and import-linter holds.
"""
