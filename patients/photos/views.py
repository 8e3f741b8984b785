"""A photo of a patient, for clinicians of her clinic. Each look at it goes on record."""

from uuid import UUID

from csp.decorators import csp_update
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from clinic.roles import Role, allow
from patients.services import photos


@allow(Role.CLINICIAN)
@csp_update({"sandbox": True})
def photo(request: HttpRequest, ref: UUID) -> HttpResponse:
    """The picture itself, kept in no cache. Where PHOTOS_ACCEL names a place that only the proxy reaches, it hands the file over."""
    found = get_object_or_404(photos.of_clinic(request.clinic), ref=ref)
    content = photos.shown(found, by=request.user, clinic=request.clinic)
    if content is None:
        raise Http404
    behind = settings.PHOTOS_ACCEL
    response = HttpResponse(b"" if behind else content, content_type=found.content_type)
    if behind:
        response.headers["X-Accel-Redirect"] = f"{behind.rstrip('/')}/{found.name}"
    response.headers["Content-Disposition"] = 'inline; filename="photo.jpg"'
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
