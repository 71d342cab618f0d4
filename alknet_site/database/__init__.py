"""Django's own engine for SQLite, whose connections a server keeps open."""
