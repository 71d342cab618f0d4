"""`manage.py credentials`: the command line's door to the credentials (alknet_site.json_command)."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.views.decorators.debug import sensitive_variables

from alknet_site.json_command import BadRequest, JsonCommand, Progress, Reply
from apps.audit.actors import Actor
from apps.credentials import selectors, services
from apps.credentials.errors import Absent, NotSealed
from apps.credentials.json_forms import credential_json, step_json
from apps.credentials.services import Outcome
from node.core.capabilities import Secret
from node.core.credentials import InvalidCredential

Values = Mapping[str, Any]


class Command(JsonCommand):
    help = "Set, list, rotate and remove credentials: one JSON object on stdin, one on stdout."
    refusals = (InvalidCredential, Absent, NotSealed)
    actions = ("set", "list", "rotate", "remove")

    @sensitive_variables()
    def do_set(self, actor: Actor, values: Values) -> Reply:
        """The content comes in here, and never goes out."""
        _refuse_others(values, "provider", "content")
        content = values.get("content")
        if not isinstance(content, str):
            raise BadRequest("content", "A text.")
        provider = _provider(values)
        services.set_credential(actor=actor, provider=provider, content=Secret(content))
        return credential_json(selectors.get_credentials([provider])[0])

    def do_list(self, actor: Actor, values: Values) -> Reply:
        _refuse_others(values)
        return [credential_json(facts) for facts in selectors.list_credentials()]

    def do_rotate(self, actor: Actor, values: Values) -> Progress:
        """Of `provider`, or of all where it is null. The reply tells how many came to which end."""
        _refuse_others(values, "provider", "to")
        providers = None if values.get("provider") is None else [_provider(values)]
        plan = services.plan_rotation(providers=providers, to=_key_version(values))
        ends: Counter[Outcome] = Counter()
        for number, step in enumerate(services.rotate_credentials(actor=actor, plan=plan), start=1):
            ends[step.outcome] += 1
            yield step_json(step, number=number, of=len(plan.providers))
        there = plan.there + ends[Outcome.THERE]
        return {"to": plan.to, "rotated": ends[Outcome.ROTATED], "there": there, "failed": ends[Outcome.FAILED]}

    def do_remove(self, actor: Actor, values: Values) -> Reply:
        _refuse_others(values, "provider")
        facts = selectors.get_credentials([_provider(values)])[0]
        services.remove_credentials(actor=actor, providers=[facts.provider])
        return credential_json(facts)


def _provider(values: Values) -> str:
    name = values.get("provider")
    if not isinstance(name, str) or not name:
        raise BadRequest("provider", "A credential is named by its provider, such as openai.")
    return name


def _key_version(values: Values) -> int | None:
    version = values.get("to")
    if version is not None and (not isinstance(version, int) or isinstance(version, bool)):
        raise BadRequest("to", "A version is a whole number.")
    return version


def _refuse_others(values: Values, *names: str) -> None:
    """What nobody knows is refused, not dropped. Its name is not repeated: a content may have slipped there."""
    if values.keys() - set(names):
        raise BadRequest("values", f"There is a field that is none of: {', '.join(names) or 'nothing'}.")
