"""Why a change of a user is refused. The texts are for people."""

from collections.abc import Mapping


class Refused(Exception):
    """A change that the rules of accounts do not allow."""


class LastOwner(Refused):
    def __init__(self) -> None:
        super().__init__("This is the last owner: somebody has to be able to do everything.")


class OwnAccount(Refused):
    def __init__(self) -> None:
        super().__init__("Nobody changes their own role, or disables or removes themselves.")


class NoSuchUser(Refused):
    def __init__(self, username: str) -> None:
        super().__init__(f"There is no user {username}.")


class InvalidUser(Refused):
    """`errors` has sentences by field."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(texts)}" for name, texts in errors.items()))
        self.errors = errors
