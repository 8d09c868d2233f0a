"""The feed's doors over HTTP: signed pushes and their trials, uploads by staff, receipts, the quarantine, providers and
their keys. They take, call one stage of the line and shape the answer; `bodies` is how much they read, and of what.
"""
