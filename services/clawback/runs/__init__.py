"""One run: a look at every agreement, what the rules say of it, and the cases that it opens, moves on and marks."""
