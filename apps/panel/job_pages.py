"""The page of a job: looked at again each second, also after it was closed meanwhile."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from apps.panel.jobs import JOBS, Job, Work


@require_safe
@never_cache
def job_page(request: HttpRequest, job: str) -> HttpResponse:
    """How far it is or how it ended; or that nothing is known of it, which the page that looked before is told, too."""
    found = JOBS.find(job)
    if found is not None and not request.user.has_perm(found.permission):
        raise PermissionDenied
    context = {**admin.site.each_context(request), "title": found.title if found else "Work", "job": found}
    status = 200 if found is not None or request.headers.get("HX-Request") else 404
    return TemplateResponse(request, "panel/job.html", context, status=status)


def begun(request: HttpRequest, job: Job, work: Work) -> HttpResponse:
    """Begin it, and lead to its page; where one of its kind runs already, to the page of that one, which is said."""
    running = JOBS.begin(job, work)
    if running is not job:
        messages.warning(request, f"{running.title} is under way, and one is done at a time. Yours was not begun.")
    return HttpResponseRedirect(reverse("job", args=[running.id]))
