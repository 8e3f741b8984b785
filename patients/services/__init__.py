"""Writes of the patients app, and the one read that is more than a query: finding somebody."""
