"""Who may do what: roles, each service's operations and who is granted them, the actor behind a request.

`permissions` merges the tables of `granted` into the one table that is asked. Nothing here knows a database or the web.
"""
