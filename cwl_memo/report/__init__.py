"""Run records as text, as JSON files, and the schema they follow."""
