from django.urls import path

from patients.outbox.texts import views

# Included by patients.outbox.urls, in the namespace of patients.
urlpatterns = [
    path("", views.texts, name="message_texts"),
    path("<slug:code>/<slug:language>/", views.text, name="message_text"),
    path("<slug:code>/<slug:language>/edit/", views.edit, name="message_text_edit"),
    path("<slug:code>/<slug:language>/preview/", views.preview, name="message_text_preview"),
    path("<slug:code>/<slug:language>/shipped/", views.restore, name="message_text_restore"),
]
