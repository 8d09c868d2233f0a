"""The council's words: enumerations that more than one room uses, in the terms of the Act, the Plan and the feeds.

One module per area, as the tables are cut. The words know nothing else of ours.
"""
