"""What public money was spent on: dated rules that give each posted event a category, the cleaning of merchants' and
payees' names that they go by, and what people change afterwards. It knows the event's own words, the accounts and the
people registered for them; nothing of how a feed is read or posted.
"""
