"""What posted on an account, as far as the caller is shown it. It knows accounts; the feed writes what is read here."""
