"""The house in figures: how long files, functions and SQL are, import knots, repetitions, files a request enters."""
