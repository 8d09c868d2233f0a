"""The council's staff as this software knows them: teams, staff numbers, and the accounts that people sign in with.

The lowest feature: it knows no recipient and no money.
"""
