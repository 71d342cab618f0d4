"""The root of the REST API: every app's router, and what their refusals are in HTTP."""

from apps.access import api as access_api
from apps.access import errors as access
from apps.access import grants_api
from apps.accounts.errors import NoSuchUser
from apps.accounts.requires import for_members
from apps.activity import api as activity_api
from apps.audit import api as audit_api
from apps.audit.checkpoints import NoCheckpoint
from apps.backups import api as backups_api
from apps.backups.services import BackupUnderWay
from apps.credentials import api as credentials_api
from apps.credentials import errors as credentials
from apps.enrolment import api as enrolment_api
from apps.enrolment import errors as enrolment
from apps.forwarding import api as forwarding_api
from apps.forwarding import errors as forwarding
from apps.health import api as health_api
from apps.locks import api as locks_api
from apps.locks import errors as locks
from apps.peers import api as peers_api
from apps.peers import api_keys_api, portable_api
from apps.peers import errors as peers
from apps.rest import users_api
from apps.rest.docs import DocsPage
from apps.rest.root import Api
from apps.tokens import api as tokens_api
from apps.tokens import bounds
from apps.tokens import errors as tokens

DESCRIPTION = """\
Everything that the panel does to the appliance, for programs. Show a token in every request, `Authorization: Bearer
alkr_…`; what it must be allowed is the `x-right` of each operation. Every refusal is a problem document (RFC 9457).
"""
REFUSALS: dict[type[Exception], int] = {
    access.Absent: 404,
    peers.Absent: 404,
    locks.Absent: 404,
    credentials.Absent: 404,
    credentials.NodeUnavailable: 503,
    credentials.NotSealed: 409,
    enrolment.Absent: 404,
    forwarding.Absent: 404,
    enrolment.Conflict: 409,
    enrolment.NodeUnavailable: 503,
    NoCheckpoint: 409,
    BackupUnderWay: 409,
    NoSuchUser: 404,
    tokens.Absent: 404,
    bounds.NotYours: 403,
}

api = Api(
    REFUSALS,
    title="Alknet",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api",
    docs=DocsPage(),
    docs_decorator=for_members,  # the page sends requests as whoever looks at it
)
api.add_router("/peers", portable_api.router)
api.add_router("/peers", peers_api.router)
api.add_router("/api-keys", api_keys_api.router)
api.add_router("/credentials", credentials_api.router)
api.add_router("/credential-rotations", credentials_api.rotations)
api.add_router("/locks", locks_api.router)
api.add_router("/invites", enrolment_api.invites)
api.add_router("/claims", enrolment_api.claims)
api.add_router("/strangers", enrolment_api.strangers)
api.add_router("/access", access_api.router)
api.add_router("/grants", grants_api.router)
api.add_router("/forwarding", forwarding_api.router)
api.add_router("/activity", activity_api.events)
api.add_router("/presence", activity_api.presence)
api.add_router("/connections", activity_api.connections)
api.add_router("/audit", audit_api.router)
api.add_router("/backups", backups_api.router)
api.add_router("/users", users_api.router)
api.add_router("/status", health_api.router)
api.add_router("/tokens", tokens_api.router)
