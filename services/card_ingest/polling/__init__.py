"""The door for providers with an interface of their own: we ask it for what is new, page by page, and keep the cursor.

It stands above `pipeline`, through which each page goes as a delivery like any other, and knows no other door.
"""
