"""What gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from clinic.garbage import leave_what_stays

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic.settings.demo")

application = get_wsgi_application()
# Every page is imported now and not by whoever comes first.
get_resolver().url_patterns  # noqa: B018  reading it imports
leave_what_stays()
