"""Django's SQLite, but that after a test its database is as it was made."""
