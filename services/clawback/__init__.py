"""Clawback: who holds more than the council's policy lets stand, and the cases that people then look at.

A run finds, people decide: nothing here takes money back. It writes its own tables and reads those of the other two
services; it knows `shared` and nothing else.
"""
