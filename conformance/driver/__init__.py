"""Runs the cases of the memoization suite against a CWL runner and judges what it did."""
