"""Small pushes of one provider that come while the last ones are being committed go into one transaction together.

Each is stored, known again, posted and answered as if it had come alone, and is answered only after the commit. What is
not quite ordinary (a repeat, a hold, a row that waits, a transfer) leaves the others and goes through the line alone.
"""
