"""A synthetic county at the council's published figures, loaded through the same doors as real work.

`county` makes the people and their awards, `purses` and its neighbours make their money day by day, `feeds` writes it
down as providers would, `loading` brings all of it in: `caseload` takes most people over in sets, as a council's
existing caseload would be, `registering` does the rest act by act, and card_ingest's pipeline takes in a year of feeds.
Everything follows from a seed and a day, and `forecast` says beforehand what the database must hold. No name, address,
merchant or NHS number belongs to anybody: names are combined from two lists, postcodes lie in an area (LX) that has
never been assigned, NHS numbers in the 999 range, which is never issued.

At full size (2,700 people, 12 months, seed 2018): awards of £36.1m gross a year (52 times the weekly gross on 22
November 2026 of all 2,700; the 2,640 that run on that day are £35.1m of it), 343,000 rows, and on the day of loading
about 30 % of the accounts are above four weeks' gross by £2.5m together. Two thirds of them (a fifth of all accounts,
£2.47m) hold money back all through the payment cycle; the others (£0.04m) are healthy and were loaded only days ago.
"""
