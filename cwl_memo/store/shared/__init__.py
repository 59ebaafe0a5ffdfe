"""Shared stores: entries and blobs as objects under a URL, for many machines."""
