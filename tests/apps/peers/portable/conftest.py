from tests.apps.rest.conftest import _fresh, api

__all__ = ["_fresh", "api"]
