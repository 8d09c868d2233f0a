"""How a provider proves that it sent these bytes: one module for each scheme, pure functions over bytes and keys."""
