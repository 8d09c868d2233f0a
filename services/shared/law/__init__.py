"""The law as pure rules over plain values, with the sources and dated figures they cite; it knows no database and no
web.
"""
