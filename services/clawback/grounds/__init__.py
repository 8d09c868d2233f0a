"""One pure rule for each ground on which a case is opened; a rule knows plain values and no other rule.

Their order stands in `runs.operations.RULES`.
"""
