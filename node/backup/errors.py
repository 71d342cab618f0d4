"""What backups and restores refuse. Messages are for people; none holds a key or anything out of a file."""


class BackupError(Exception):
    """A backup cannot be made or restored; the text says why."""


class NotABackup(BackupError):
    """The file is none of ours, was changed, or ends too early. Nothing of it was used."""


class KeyNeeded(BackupError):
    """The backup is sealed, and what would open it is not here; the text says what would."""


class Unfit(BackupError):
    """The backup is whole, and this version or this machine cannot take it."""
