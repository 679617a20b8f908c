"""Sheets: the two tables of a bank, their columns, rules and errors in words."""
