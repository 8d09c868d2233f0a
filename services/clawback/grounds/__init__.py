"""The grounds on which a case is opened, one file each: what it needs, the SQL that finds it, the pure rule.

A ground knows plain values and no other ground. Their order stands in `register.GROUNDS`, which a run maps over.
"""
