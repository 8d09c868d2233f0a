"""How many transactions a batch of the comparison with django-hordak has, for both sides."""

ROWS = 1_000
