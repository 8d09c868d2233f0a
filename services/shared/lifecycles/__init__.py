"""Every status and its legal moves, one module per area; the README's diagrams are generated from `listing`."""
