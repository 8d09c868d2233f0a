"""Cases as people read them, with their working, and the one thing they may do with a case here: withdraw it."""
