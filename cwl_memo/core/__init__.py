"""Pure decisions: no files, no clock, no log, no cwltool."""
