"""The ground floor under the three services: tables, law, money, dates, the database and the web frame.

It holds no feature and knows no service.
"""
