"""All peers as a file that is downloaded."""

from django.http import HttpResponse

from apps.peers import selectors
from apps.peers.portable.formats import Format, file_name, media_type, write


def file_answer(form: Format) -> HttpResponse:
    """The file, for a browser to keep."""
    kept = {"Content-Disposition": f'attachment; filename="{file_name(form)}"'}
    kind = f"{media_type(form)}; charset=utf-8"
    return HttpResponse(write(form, selectors.list_states()), content_type=kind, headers=kept)
