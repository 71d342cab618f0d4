"""What a check of the machine or the installation found. `alknet doctor` shows findings."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters."""

    FINE = "fine"
    WARNING = "warning"
    """It works, and could work better."""
    PROBLEM = "problem"
    """Something does not work until a person does what the text says."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's answer: its name in a word or two, and a sentence that says what is so and what to do about it."""

    name: str
    level: Level
    text: str
