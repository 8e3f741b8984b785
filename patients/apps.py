from django.apps import AppConfig


class PatientsConfig(AppConfig):
    name = "patients"

    def ready(self) -> None:
        from patients import sentences  # noqa: F401  (registers what our constraints mean)
        from patients.importing import kinds
        from patients.importing.people import PATIENTS

        kinds.register(PATIENTS)
