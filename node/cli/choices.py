"""One word of several, as an option or an argument takes it."""

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from pydantic_core import PydanticCustomError

Word = TypeVar("Word", bound=StrEnum)


def one_of(words: type[Word]) -> Callable[[str], Word]:
    """A `parser` for Typer. Its refusal names all the words; Typer's own begins with the name of an exception."""

    def parse(text: str) -> Word:
        try:
            return words(text)
        except ValueError:
            message = "“{given}” is none of {known}"
            raise PydanticCustomError("word", message, {"given": text, "known": ", ".join(words)}) from None

    return parse
