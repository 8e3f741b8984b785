from django.urls import path

from clinic.resources import views

urlpatterns = [
    # /settings/rooms/
    path("settings/rooms/new/", views.room_new, name="room_new"),
    path("settings/rooms/<uuid:ref>/", views.room_change, name="room_change"),
    path("settings/rooms/<uuid:ref>/out/", views.room_out, name="room_out"),
    path("settings/rooms/<uuid:ref>/back/", views.room_back, name="room_back"),
    path("settings/rooms/<uuid:ref>/shift/", views.room_shift, name="room_shift"),
    # /settings/people/
    path("settings/people/<uuid:ref>/", views.person, name="person"),
    path("settings/people/<uuid:ref>/change/", views.person_change, name="person_change"),
    path("settings/people/<uuid:ref>/left/", views.person_left, name="person_left"),
    path("settings/people/<uuid:ref>/back/", views.person_back, name="person_back"),
    path("settings/people/<uuid:ref>/hours/", views.person_hours, name="person_hours"),
    path("settings/people/<uuid:ref>/day/", views.person_day, name="person_day"),
    path("settings/people/<uuid:ref>/time-off/", views.person_time_off, name="person_time_off"),
    # /settings/closed/
    path("settings/closed/new/", views.close_clinic, name="close_clinic"),
    path("settings/time-off/<uuid:ref>/end/", views.time_off_end, name="time_off_end"),
]
