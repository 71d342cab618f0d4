"""Django's SQLite, but that the tables of a test can be emptied after it."""
