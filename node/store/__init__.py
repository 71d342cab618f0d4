"""Where the peer index comes from: a file of peers, or a SQLite file that honker watches (spec core §9, §13)."""
