"""Why a change of locks was refused; wrong fields are node.core.locks.InvalidLock."""


class Absent(LookupError):
    """There is no such lock, or more than one."""

    def __init__(self, lock_id: str, *, several: bool = False) -> None:
        text = "More than one lock begins with" if several else "There is no lock"
        super().__init__(f"{text} “{lock_id}”.")
