"""Verdict: findings, and what they mean for a passage."""
