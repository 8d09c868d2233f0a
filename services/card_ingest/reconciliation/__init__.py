"""What the books, the banks and the feeds disagree about: statements that do not add up, balances that differ, gaps in
sequences, feeds that are late. It finds and tells, and overwrites nothing; a person, or the facts, close a finding.
"""
