"""The root: apps are mounted by dotted string, so that the ground floor imports none of them."""

from django.urls import include, path

from clinic import health, views
from clinic.handover import views as handover

clinic_urls = (
    [
        # /settings/
        path("settings/", views.settings_home, name="settings"),
        path("settings/clinic/", views.clinic_details, name="details"),
        path("", include("clinic.resources.urls")),
        path("", include("clinic.staff.urls")),
        # /setup/: only while there is no clinic
        path("setup/", views.first_run, name="first_run"),
        # session
        path("keep-alive/", views.keep_alive, name="keep_alive"),
        path("change-clinic/", views.change_clinic, name="change_clinic"),
        # /handed-over/lock/: a tablet that a patient gave back
        path("handed-over/lock/", handover.lock, name="handed_over_lock"),
        # /mailbox/: what the local sink received
        path("mailbox/", views.mailbox, name="mailbox"),
        path("mailbox/<slug:key>/", views.mailbox_message, name="mailbox_message"),
        path("mailbox/<slug:key>/attachment/<int:number>/", views.mailbox_attachment, name="mailbox_attachment"),
    ],
    "clinic",
)

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("healthz/messages", health.healthz_messages, name="healthz_messages"),
    path("accounts/", include("allauth.urls")),
    path("", include(clinic_urls)),
    path("", include("patients.urls")),
    path("", include("treatments.urls")),
]

handler400 = "clinic.error_pages.bad_request"
handler403 = "clinic.error_pages.forbidden"
handler404 = "clinic.error_pages.not_found"
handler500 = "clinic.error_pages.server_error"
