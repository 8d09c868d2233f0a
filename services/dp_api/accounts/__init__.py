"""Where an agreement's money is held: prepaid cards, bank accounts, money managers' accounts, and trial accounts.

It knows recipients (who may be seen, under which care group) and reads agreements, balances and the cards that an
account is shown and closed with; it never holds a full card or account number.
"""
