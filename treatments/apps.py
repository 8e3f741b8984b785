from django.apps import AppConfig


class TreatmentsConfig(AppConfig):
    name = "treatments"

    def ready(self) -> None:
        from treatments import registrations
        from treatments.flows import medicines

        registrations.register_all()
        medicines.register()
