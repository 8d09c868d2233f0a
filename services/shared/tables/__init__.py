"""The one relational schema, one module per area; every table names the service that writes it and who may read it.

Tables know the vocabulary and nothing else; importing `schema` loads them all.
"""
