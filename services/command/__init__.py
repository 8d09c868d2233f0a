"""The `dp` command line: a module per command or group of commands, and what they share.

Figures go to standard output (with `--json` one object and nothing else), everything else to standard error.
"""
