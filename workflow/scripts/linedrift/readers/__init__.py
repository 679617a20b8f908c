"""Readers: the files of users, as they have them, made into frames of `tables`."""
