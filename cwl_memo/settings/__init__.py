"""Settings as a run finds them: in files, in the environment, and in the store."""
