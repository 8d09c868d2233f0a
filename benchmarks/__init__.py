"""What `python -m benchmarks` runs: our own doors against a limit measured in the same run, interleaved, medians told.

Each area is a module; `measure` holds what they share, `stage` the server and the people they run against. A wrong
result (a lost row, a wrong balance, a report that differs from the plain GROUP BY) ends the run with an error.
"""
