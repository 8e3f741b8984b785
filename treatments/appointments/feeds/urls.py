from django.urls import path

from treatments.appointments.feeds import views

# Included by treatments.appointments.urls, whose namespace they share.
urlpatterns = [
    path("feeds/", views.feeds, name="feeds"),
    path("make/", views.make_address, name="feed_make"),
    path("give-up/", views.give_up_address, name="feed_give_up"),
    path("<uuid:ref>/give-up/", views.give_up_address_of, name="feed_give_up_of"),
    # For programs: everything before ".ics" is the key.
    path("<slug:token>.ics", views.feed, name="feed"),
]
