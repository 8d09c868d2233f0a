"""The door for providers that drop files (SFTP): a folder is looked through, and each whole file taken in once.

It stands above `pipeline`, through which each file goes as a delivery like any other, and knows no other door.
"""
