"""From a content to a stored credential: sealed by the node first, stored then, or neither."""

from django.views.decorators.debug import sensitive_variables

from apps.audit.actors import Actor
from apps.credentials import selectors
from apps.credentials.sealing import sealer
from apps.credentials.services.rows import put_credential, refuse_wrong_provider
from node.core.capabilities import Secret
from node.core.credentials import MAX_CONTENT, EncryptedData, InvalidCredential


@sensitive_variables()
def set_credential(*, actor: Actor, provider: str, content: Secret) -> None:
    """Seal the content and store it for the provider, in place of any it had. The content is wiped either way."""
    put_credential(actor=actor, provider=provider, blob=seal_content(provider=provider, content=content))


@sensitive_variables()
def seal_content(*, provider: str, content: Secret) -> EncryptedData:
    """What `set_credential` would store. For forms, which show what is wrong before anything is written."""
    try:
        refuse_wrong_provider(provider)
        _refuse_wrong_content(content)
        with sealer() as node:
            return node.seal(content, selectors.key_version_for_new())
    finally:
        content.wipe()


@sensitive_variables()
def _refuse_wrong_content(content: Secret) -> None:
    text = content.expose_secret()
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise InvalidCredential({"content": ["Not a text: it has bytes that are not UTF-8."]}) from None
    if not text:
        raise InvalidCredential({"content": ["A credential needs a content."]})
    if size > MAX_CONTENT:
        raise InvalidCredential({"content": [f"A content has at most {MAX_CONTENT} bytes."]})
