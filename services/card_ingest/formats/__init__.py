"""How bytes become rows: one module for each layout of a file. A format knows where a row ends, not what it means."""
