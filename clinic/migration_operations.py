"""What our migrations need beside Django's own operations."""

from collections.abc import Sequence

from django.db.migrations import CreateModel, RunSQL
from django.db.migrations.operations.base import Operation, OperationCategory


class CreateTogether(Operation):
    """Creates models as `CreateModel` does, with all of them known from the start: `operations`, in this order.

    After each operation Django draws its picture of every related model anew, and here nearly all are related: seventy
    models one by one are drawn 2,300 times, which takes longer than their SQL. Together they are drawn once. Nothing but
    CreateModel and RunSQL may be among them: what changes a model would have to see it as it was before.

    Triggers may stand in a model's options, beside its constraints: pgtrigger installs them with the table.
    """

    category = OperationCategory.ADDITION
    serialization_expand_args = ["operations"]

    def __init__(self, operations: Sequence[CreateModel | RunSQL]) -> None:
        for operation in operations:
            if not isinstance(operation, CreateModel | RunSQL):
                raise TypeError(f"{operation.describe()}: only CreateModel and RunSQL can be run together.")
        self.operations = operations

    @property
    def reversible(self) -> bool:
        return all(operation.reversible for operation in self.operations)

    def state_forwards(self, app_label, state) -> None:
        # A state that is not drawn takes models without drawing them; it is drawn, once, when the first is asked for.
        state.__dict__.pop("apps", None)
        for operation in self.operations:
            operation.state_forwards(app_label, state)

    def database_forwards(self, app_label, schema_editor, from_state, to_state) -> None:
        for operation in self.operations:
            operation.database_forwards(app_label, schema_editor, from_state, to_state)
        # Keys and indexes, now and not after the migration: so the record of it is made in the transaction of its tables,
        # and whoever presses Ctrl-C leaves both or neither.
        for statement in schema_editor.deferred_sql:
            schema_editor.execute(statement, params=None)
        schema_editor.deferred_sql.clear()

    def database_backwards(self, app_label, schema_editor, from_state, to_state) -> None:
        for operation in reversed(self.operations):
            operation.database_backwards(app_label, schema_editor, from_state, to_state)

    def describe(self) -> str:
        return f"Create {sum(isinstance(operation, CreateModel) for operation in self.operations)} models together"
