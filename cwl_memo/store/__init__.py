"""Bytes in, bytes out: where entries and blobs are kept."""
