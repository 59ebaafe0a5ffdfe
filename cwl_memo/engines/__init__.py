"""Engines that execute jobs on other machines. Each is an extra."""
