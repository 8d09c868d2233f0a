"""What a provider integrates with: the check of a file or a door, a simulation, and the drafting of layouts.

It is a client of the services: it reads files as they do and speaks to them over HTTP, and no service knows it.
"""
