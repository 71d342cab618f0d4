"""Whatever is set, removed, rotated and cut off, in whatever order: every credential holds what was last set for it."""

from itertools import islice

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.credentials import selectors, services
from apps.credentials.forms import ContentField
from apps.credentials.models import Credential
from node.core.capabilities import Secret
from tests.support.panel import ALICE
from tests.support.vault_node import VaultNode, opened

FEW = settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
PROVIDERS = st.sampled_from(["a", "b", "c"])
DEEDS = st.one_of(
    st.tuples(st.just("set"), PROVIDERS, TEXTS),
    st.tuples(st.just("remove"), PROVIDERS, st.none()),
    st.tuples(st.just("rotate"), st.none() | PROVIDERS, st.integers(0, 3)),
)


@pytest.mark.django_db
@FEW
@given(st.lists(DEEDS, max_size=12))
def test_every_history_ends_in_what_was_last_set(node: VaultNode, deeds: list[tuple[str, str, object]]) -> None:
    Credential.objects.all().delete()
    model: dict[str, object] = {}
    for deed, provider, value in deeds:
        if deed == "set":
            services.set_credential(actor=ALICE, provider=provider, content=Secret(str(value)))
            model[provider] = value
        elif deed == "remove":
            services.delete_credential(actor=ALICE, provider=provider)
            model.pop(provider, None)
        elif provider is None or provider in model:
            plan = services.plan_rotation(providers=None if provider is None else [provider])
            steps = services.rotate_credentials(actor=ALICE, plan=plan)
            assert len(list(islice(steps, int(str(value))))) <= len(plan.providers), "cut off after so many"
        assert {name: opened(blob) for name, blob in selectors.blobs().items()} == model
        assert min(selectors.key_versions().values(), default=2) >= 2
    list(services.rotate_credentials(actor=ALICE, plan=services.plan_rotation()))
    assert len(set(selectors.key_versions().values())) <= 1, "the next rotation brings all to one version"
    assert {name: opened(blob) for name, blob in selectors.blobs().items()} == model


@FEW
@given(TEXTS)
def test_a_browsers_line_ends_are_taken_back(text: str) -> None:
    """A browser sends every line end as two characters; one at the end is not part of a content. Forms take no NUL."""
    text = text.replace("\0", "\n")
    typed = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = typed.removesuffix("\n")
    sent = typed.replace("\n", "\r\n")
    field = ContentField(required=False)
    if kept:
        assert field.clean(sent).expose_secret() == kept
