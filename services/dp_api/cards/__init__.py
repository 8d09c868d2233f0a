"""The single cards of an account: added and closed one by one. It knows accounts."""
