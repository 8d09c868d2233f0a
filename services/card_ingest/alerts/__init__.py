"""What people should look at: raised from what the records hold by jobs of their own, closed by people with a reason.

An alert is never a verdict, and nothing follows from one by itself. It knows the feeds' and the money's tables,
accounts, agreements and whose they are; posting never waits for it.
"""
