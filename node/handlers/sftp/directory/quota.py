"""What a tree may hold, and what it does."""

from dataclasses import dataclass
from typing import NamedTuple


class Usage(NamedTuple):
    """Bytes, and names of files, directories and links; and directories that are too deep to be looked into."""

    size: int
    files: int
    unseen: int = 0


@dataclass(frozen=True, slots=True)
class Quota:
    """What a tree may hold; 0 is no bound."""

    size: int = 0
    files: int = 0

    @property
    def bounds(self) -> bool:
        return bool(self.size or self.files)


NO_QUOTA = Quota()
