"""Third-party money managers: organisations that hold direct payments for people who cannot or would rather not.

It knows no recipient and no agreement; an agreement names its money manager.
"""
