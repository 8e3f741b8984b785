from django.urls import include, path

from treatments.sessions import views

urlpatterns = [
    path("", include("treatments.sessions.lots.urls")),
    path("visits/<uuid:ref>/session/", views.open_session, name="open_session"),
    # /sessions/<ref>/
    path("sessions/<uuid:ref>/", views.session, name="session"),
    path("sessions/<uuid:ref>/zones/<slug:zone>/", views.set_zone, name="set_zone"),
    path("sessions/<uuid:ref>/zones/<slug:zone>/remove/", views.remove_zone, name="remove_zone"),
    path("sessions/<uuid:ref>/numbing/", views.numbing, name="session_numbing"),
    path("sessions/<uuid:ref>/numbing/dose/", views.numbing_dose, name="numbing_dose"),
    path("sessions/<uuid:ref>/cartridge/", views.cartridge, name="session_cartridge"),
    path("sessions/<uuid:ref>/products/", views.put_product_on, name="session_product"),
    path("settings/equipment/products/<uuid:ref>/patients/", views.product_trace, name="product_trace"),
    path("sessions/products/<uuid:ref>/off/", views.take_product_off, name="session_product_off"),
    path("sessions/<uuid:ref>/note/", views.note, name="session_note"),
    path("sessions/<uuid:ref>/complete/", views.complete, name="complete_session"),
    path("sessions/<uuid:ref>/stop/", views.stop, name="stop_session"),
    path("sessions/<uuid:ref>/addenda/", views.add_addendum, name="add_addendum"),
    path("sessions/<uuid:ref>/error/", views.entered_in_error, name="session_in_error"),
    path("sessions/<uuid:ref>/adverse-events/", views.report_adverse_event, name="report_adverse_event"),
    # /adverse-events/<ref>/
    path("adverse-events/<uuid:ref>/close/", views.close_adverse_event, name="close_adverse_event"),
]
