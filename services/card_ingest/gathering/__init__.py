"""Small pushes of one provider that come while the last ones are being committed go into one transaction together.

Each is stored, known again, posted, held or released, and answered as if it had come alone, and is answered only after
the commit. What does not end as simply (a repeat, a row that waits, money taken back) leaves the others and goes
through the line alone. Pushes that name the same event are taken in one after another, in the order they came.
"""
