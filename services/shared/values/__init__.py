"""What values that come in and go out are made of: the bases of bodies, and the kinds of field that they share.

Pydantic and nothing else; the web reads and writes them, rules and queries carry them.
"""
