"""Files that are offered for saving."""

from django.http import HttpResponse
from django.utils.http import content_disposition_header


def file_answer(name: str, content_type: str, content: bytes) -> HttpResponse:
    """A file to save under `name`. It is never shown in the page's own window: what is in it may come from outside."""
    answer = HttpResponse(content, content_type=content_type)
    answer.headers["Content-Disposition"] = content_disposition_header(True, name)
    return answer
