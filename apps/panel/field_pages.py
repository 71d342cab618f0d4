"""Answers to a form's fields while one types. They read, and write nothing."""

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from apps.panel.fields import CHECKS, COMPLETIONS, Said

MAX_CHECKED = 65_536
"""Characters that are looked at while one types; a longer text is looked at when it is saved."""
MAX_QUERY = 255
MAX_NAME = 255


@require_POST
@never_cache
def check_field(request: HttpRequest, kind: str) -> HttpResponse:
    """What is wrong with the field that the request names, and what it was taken for. A POST, for texts are long."""
    if (check := CHECKS.get(kind)) is None:
        raise Http404
    field, besides = (request.POST.get(f"checked_{name}", "") for name in ("field", "besides"))
    parts = (request.POST.get(name, "") for name in (field, f"{field}_0", f"{field}_1"))
    text = " ".join(part for part in parts if part.strip())
    if len(text) > MAX_CHECKED or len(besides) > MAX_NAME:
        said = Said(facts=("It is long: it is checked when it is saved.",))
    else:
        said = check(text, besides) if text.strip() else Said()
    return TemplateResponse(request, "panel/field_says.html", {"said": said})


@require_safe
@never_cache
def complete_field(request: HttpRequest, kind: str) -> HttpResponse:
    """The options of a combobox, and a sentence on what is typed."""
    if (complete := COMPLETIONS.get(kind)) is None:
        raise Http404
    offered = complete(request.GET.get("q", "").strip()[:MAX_QUERY])
    return TemplateResponse(request, "panel/field_options.html", {"offered": offered})
