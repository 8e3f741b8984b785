from django.urls import path

from clinic.staff import views

urlpatterns = [
    # /settings/people/
    path("settings/people/invitations/", views.invitations, name="invitations"),
    path("settings/people/invite/", views.invite, name="invite"),
    path("settings/people/invitations/<uuid:ref>/again/", views.invitation_again, name="invitation_again"),
    path("settings/people/invitations/<uuid:ref>/take-back/", views.invitation_take_back, name="invitation_take_back"),
    path("settings/people/<uuid:ref>/roles/", views.person_roles, name="person_roles"),
    path("settings/people/<uuid:ref>/second-factor/", views.person_second_factor, name="person_second_factor"),
    # /settings/
    path("settings/second-factor/", views.second_factor, name="second_factor"),
    path("settings/test-mail/", views.test_mail, name="test_mail"),
    # /invitation/: what somebody opens from a mail
    path("invitation/", views.invitation, name="invitation"),
    path("invitation/<slug:token>/", views.invitation_open, name="invitation_open"),
]
