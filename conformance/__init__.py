"""Checks that hold a CWL runner to the specification and to its own plain results."""
