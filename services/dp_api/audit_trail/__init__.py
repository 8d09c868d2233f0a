"""The trail as auditors read it: what was done or refused, and who was shown whom, with personal values left out.

It reads the two books, and writes nothing but the record of whose words it opened.
"""
