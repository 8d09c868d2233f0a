"""The adults and carers for whom direct payments are made: register, find, read, amend, record a death.

It knows the staff's teams and nothing of agreements or money; what a caller is shown depends on their role.
"""
