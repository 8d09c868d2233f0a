"""What an agreement is worth a week, from which day on, and who funds it; and the projection of today's gross.

It knows recipients (who may be seen) and reads agreements; it activates and pays nothing.
"""
