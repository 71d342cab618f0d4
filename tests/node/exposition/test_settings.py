"""Where the private pages may be."""

import pytest
from pydantic import ValidationError

from node.exposition.settings import MetricsSettings, is_loopback


@pytest.mark.parametrize("listen", ["127.0.0.1:9464", "127.8.8.8:1", "[::1]:9464", "localhost:9464"])
def test_this_machine_needs_no_word(listen: str) -> None:
    assert MetricsSettings(node_listen=listen, web_listen=listen).node_listen == listen


@pytest.mark.parametrize("listen", ["0.0.0.0:9464", "[::]:9464", "192.0.2.1:9464", "node.example:9464"])
@pytest.mark.parametrize("key", ["node_listen", "web_listen"])
def test_other_machines_need_one_and_the_refusal_says_why(listen: str, key: str) -> None:
    assert not is_loopback(listen)
    with pytest.raises(ValidationError, match=r"ask for no login.*beyond_loopback"):
        MetricsSettings.model_validate({key: listen})
    assert getattr(MetricsSettings.model_validate({key: listen, "beyond_loopback": True}), key) == listen


def test_nothing_is_shown_by_default() -> None:
    assert (MetricsSettings().node_listen, MetricsSettings().web_listen) == (None, None)
