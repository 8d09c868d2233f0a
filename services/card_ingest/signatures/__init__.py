"""How a provider proves that it sent these bytes: one module for each scheme, pure functions over bytes, headers and
keys. They know no database, no clock and no HTTP.
"""
