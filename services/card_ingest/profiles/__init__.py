"""How a provider's columns map onto the canonical event: declarative files (`*.toml`), read by `profile`, applied by
`mapping`. A new layout is a new file, not new code.
"""
