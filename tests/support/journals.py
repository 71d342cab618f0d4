"""A journal that keeps its events in a list, for tests of those who tell it."""

from node.core.journal import Event, EventKind, Journal


class ListJournal(Journal):
    def __init__(self) -> None:
        self.events: list[Event] = []

    def record(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: EventKind) -> list[Event]:
        return [event for event in self.events if event.kind is kind]
