"""Toil: memoization on every batch system that it has."""
