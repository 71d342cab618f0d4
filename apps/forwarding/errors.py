"""Why a change of rules was refused; wrong fields are node.core.forwarding.rules.InvalidRule."""

from node.core.errors import InvalidFields


class Absent(LookupError):
    """There is no such rule."""

    def __init__(self, rule_id: str) -> None:
        super().__init__(f"There is no forwarding rule “{rule_id}”.")


class InvalidQuestion(InvalidFields):
    """One or more parts of a question to the tester are wrong."""
