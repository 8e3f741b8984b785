from django.urls import include, path

from patients import views
from patients.importing import views as importing
from patients.links import desk as links
from patients.outbox import history
from patients.photos import views as photos

app_name = "patients"
urlpatterns = [
    # /patients/
    path("patients/", views.patient_list, name="list"),
    path("patients/search/", views.search, name="search"),
    path("patients/find/", views.find, name="find"),
    path("patients/new/", views.register, name="register"),
    # /patients/import/
    path("patients/import/", importing.import_file, name="import"),
    path("patients/import/<uuid:ref>/", importing.import_run, name="import_run"),
    path("patients/import/<uuid:ref>/columns/", importing.import_columns, name="import_columns"),
    path("patients/import/<uuid:ref>/errors.csv", importing.import_errors, name="import_errors"),
    path("patients/import/<uuid:ref>/give-up/", importing.import_give_up, name="import_give_up"),
    path("patients/import/<uuid:ref>/undo/", importing.import_undo, name="import_undo"),
    # /patients/<ref>/
    path("patients/<uuid:ref>/details/", views.edit, name="edit"),
    path("patients/<uuid:ref>/numbers/", views.numbers, name="numbers"),
    path("patients/<uuid:ref>/numbers/away/", views.number_take_away, name="number_take_away"),
    path("patients/<uuid:ref>/history/", views.history, name="history"),
    path("patients/<uuid:ref>/history/medicines/", views.add_medication, name="add_medication"),
    path("patients/<uuid:ref>/history/allergies/", views.add_allergy, name="add_allergy"),
    path("patients/<uuid:ref>/history/medicines/<uuid:row>/stop/", views.stop_medication, name="stop_medication"),
    path(
        "patients/<uuid:ref>/history/medicines/<uuid:row>/error/", views.medication_in_error, name="medication_in_error"
    ),
    path("patients/<uuid:ref>/history/allergies/<uuid:row>/error/", views.allergy_in_error, name="allergy_in_error"),
    path("patients/<uuid:ref>/messages/", history.messages, name="patient_messages"),
    path("patients/<uuid:ref>/messages/asked/", history.asked, name="contact_asked"),
    path("patients/<uuid:ref>/links/close/", links.close_all, name="links_close"),
    path("patients/<uuid:ref>/links/<uuid:link>/close/", links.close, name="link_close"),
    path("patients/<uuid:ref>/links/<uuid:link>/called/", links.called, name="link_called"),
    # /photos/<ref>/
    path("photos/<uuid:ref>/", photos.photo, name="photo"),
    # /my/: what a patient opens from a mail
    path("my/", include("patients.links.urls")),
    # /mail-events/: what a mail provider reports, where one is set up
    path("mail-events/", include("patients.outbox.provider_urls")),
    # /messages/
    path("messages/", include("patients.outbox.urls")),
]
