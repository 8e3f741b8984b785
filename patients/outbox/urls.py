from django.urls import include, path

from patients.outbox import views

# Included by patients.urls, whose namespace they share.
urlpatterns = [
    path("", views.day, name="messages"),
    path("pause/", views.pause, name="messages_pause"),
    path("resume/", views.resume, name="messages_resume"),
    # After a restore
    path("frozen/", views.release_frozen, name="messages_frozen"),
    # The demo's clock
    path("clock/", views.demo_clock, name="clock"),
    path("clock/move/", views.move_clock, name="clock_move"),
    # What the mails say
    path("texts/", include("patients.outbox.texts.urls")),
    path("<uuid:ref>/", views.message, name="message"),
    path("<uuid:ref>/attachment/", views.attachment, name="message_attachment"),
    path("<uuid:ref>/hold/", views.hold, name="message_hold"),
    path("<uuid:ref>/release/", views.release, name="message_release"),
    path("<uuid:ref>/send-now/", views.send_now, name="message_send_now"),
    path("<uuid:ref>/send-again/", views.send_again, name="message_send_again"),
    path("<uuid:ref>/send-once-more/", views.send_once_more, name="message_send_once_more"),
    path("<uuid:ref>/arrived/", views.arrived, name="message_arrived"),
]
