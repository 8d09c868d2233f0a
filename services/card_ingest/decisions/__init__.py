"""What two people make of a quarantined row that nothing else releases: one proposes, another confirms and it is done.

It stands above the line and posts through `batches`, so that a decided row is accounted for as every other is.
"""
