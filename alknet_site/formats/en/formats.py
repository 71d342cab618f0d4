"""In English, which is the panel's one language: as in the log of changes, with the zone beside the time."""

DATETIME_FORMAT = "Y-m-d H:i \\U\\T\\C"
DATE_FORMAT = "Y-m-d"
