"""The `alknet` command: one file per group of commands, imported when the group is used."""
