"""The legal agreement under which money is paid: its kind and basis, its conditions, and its life from draft to end.

It knows recipients, budgets, money managers and accounts, and keeps today's gross in line with every change of status.
"""
