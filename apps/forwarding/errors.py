"""Why a change of rules was refused; wrong fields are node.core.forwarding.rules.InvalidRule."""

from node.core.errors import InvalidFields


class Absent(LookupError):
    """There is no such rule, or more than one."""

    def __init__(self, rule_id: str, *, several: bool = False) -> None:
        text = "More than one forwarding rule begins with" if several else "There is no forwarding rule"
        super().__init__(f"{text} “{rule_id}”.")


class InvalidQuestion(InvalidFields):
    """One or more parts of a question to the tester are wrong."""
