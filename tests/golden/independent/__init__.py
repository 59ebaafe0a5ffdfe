"""The key, written anew from ``docs/reference/key.md`` alone.

Nothing of cwl-memo or cwltool is imported here: that the vectors agree shows that the page
says enough. Lists and patterns are read from the page itself, so they are shown to be right.
"""
