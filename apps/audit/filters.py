"""Filters of the panel's list of changes: they offer the values that occur, in words."""

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.admin import AllValuesFieldListFilter

from apps.audit.selectors import occurring_values
from apps.audit.words import action_words, way_words


class _WordsFilter(AllValuesFieldListFilter):
    words: Callable[[str], str]
    heading: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = self.heading
        self.lookup_choices = occurring_values(self.field_path)  # type: ignore[assignment] # it is iterated only

    def choices(self, changelist: Any) -> Iterator[Any]:
        known = set(self.lookup_choices)
        for choice in super().choices(changelist):
            value = str(choice["display"])
            yield choice | {"display": type(self).words(value) if value in known else value}


class ActionFilter(_WordsFilter):
    heading = "what"
    words = staticmethod(action_words)


class WayFilter(_WordsFilter):
    heading = "via"
    words = staticmethod(way_words)
