"""The only room that knows cwltool."""
