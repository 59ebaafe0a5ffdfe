"""The commands: arguments, one file a verb, exit codes."""
