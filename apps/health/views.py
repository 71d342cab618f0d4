"""`/readyz`, and the page that says the same in words."""

from typing import Any

from django.contrib import admin
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.accounts.rights import Right
from apps.accounts.selectors import rights_of
from apps.health.selectors import health_report, panel_report
from node.core.health import Check, failing, report


@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """200 where all is well, else 503. Whoever may see the panel is told the details, others names alone."""
    return _answer(request, health_report())


@require_safe
@never_cache
def panel_ready(request: HttpRequest) -> HttpResponse:
    """The same of the panel alone, which is of use while the node is down."""
    return _answer(request, panel_report())


def _answer(request: HttpRequest, checks: list[Check]) -> HttpResponse:
    status = 503 if failing(checks) else 200
    return JsonResponse(report(checks, details=_may_see_the_panel(request)), status=status)


def _may_see_the_panel(request: HttpRequest) -> bool:
    """Nobody is known while the database cannot be read."""
    try:
        return Right.STATUS_READ in rights_of(request.user)
    except DatabaseError:
        return False


@require_safe
@never_cache
def health_page(request: HttpRequest) -> HttpResponse:
    """What is wrong and what to do about it, then everything else."""
    checks = health_report()
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Health",
        "wrong": [check for check in checks if not check.ok],
        "well": [check for check in checks if check.ok],
    }
    return TemplateResponse(request, "health/page.html", context)
