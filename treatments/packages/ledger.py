"""What the database itself holds of packages and deposits: what was sold stays as it was sold, every entry stays, and the count of a
package is the sum of its entries and never falls below nought, whoever writes and however many at once."""

import pgtrigger


def _refusal(name: str) -> str:
    return f"RAISE EXCEPTION '{name}' USING ERRCODE = 'check_violation', CONSTRAINT = '{name}';"


def _unlike(*columns: str) -> str:
    """SQL: whether a row changes in anything but these columns."""
    apart = f"ARRAY[{', '.join(repr(column) for column in columns)}]"
    return f"(to_jsonb(NEW) - {apart}) IS DISTINCT FROM (to_jsonb(OLD) - {apart})"


# Written by hand, a package changes its patient at most: when two records of one person become one. What is left and until
# when is written by its entries, one trigger deeper.
SOLD_IS_FIXED = pgtrigger.Trigger(
    name="package_sold_is_fixed",
    when=pgtrigger.Before,
    operation=pgtrigger.Update | pgtrigger.Delete,
    func=f"""
        IF TG_OP = 'DELETE' THEN {_refusal("package_sold_is_fixed")} END IF;
        IF pg_trigger_depth() = 1 THEN
            IF {_unlike("patient_id")} THEN {_refusal("package_sold_is_fixed")} END IF;
        ELSIF {_unlike("sessions_left", "until_on")} THEN {_refusal("package_sold_is_fixed")} END IF;
        RETURN NEW;
    """,
)

ENTRY_STAYS = pgtrigger.Trigger(
    name="package_entry_stays",
    when=pgtrigger.Before,
    operation=pgtrigger.Update | pgtrigger.Delete,
    func=f"""
        IF TG_OP = 'DELETE' OR pg_trigger_depth() = 1 OR OLD.undone OR {_unlike("undone")} THEN
            {_refusal("package_entry_stays")}
        END IF;
        RETURN NEW;
    """,
)

# The update of the package is what two who reach for its last session wait for: the second finds the count of the first.
ENTRY_COUNTS = pgtrigger.Trigger(
    name="package_entry_counts",
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    declare=[("whose", "bigint")],
    func=f"""
        UPDATE treatments_package SET sessions_left = sessions_left + NEW.change,
            until_on = CASE WHEN NEW.what = 'extended' THEN NEW.until_on ELSE until_on END
            WHERE id = NEW.package_id RETURNING patient_id INTO whose;
        IF (NEW.session_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM treatments_treatmentsession WHERE id = NEW.session_id AND patient_id = whose
            )) OR (NEW.visit_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM treatments_appointment WHERE id = NEW.visit_id AND patient_id = whose
            ))
        THEN {_refusal("package_entry_of_its_own_patient")} END IF;
        IF NEW.undoes_id IS NOT NULL THEN
            UPDATE treatments_packageentry SET undone = true
                WHERE id = NEW.undoes_id AND package_id = NEW.package_id AND change = -NEW.change AND NOT undone;
            IF NOT FOUND THEN {_refusal("package_entry_undone_once")} END IF;
        END IF;
        RETURN NULL;
    """,  # noqa: S608  constants of ours only
)

DEPOSIT_IS_FIXED = pgtrigger.Trigger(
    name="deposit_is_fixed",
    when=pgtrigger.Before,
    operation=pgtrigger.Update | pgtrigger.Delete,
    func=f"""
        IF TG_OP = 'DELETE' THEN {_refusal("deposit_is_fixed")} END IF;
        IF pg_trigger_depth() = 1 THEN
            IF {_unlike("patient_id")} THEN {_refusal("deposit_is_fixed")} END IF;
        ELSIF {_unlike("state")} THEN {_refusal("deposit_is_fixed")} END IF;
        RETURN NEW;
    """,
)

DEPOSIT_OF_ITS_OWN_VISIT = pgtrigger.Trigger(
    name="deposit_of_its_own_visit",
    when=pgtrigger.Before,
    operation=pgtrigger.Insert,
    func=f"""
        IF NEW.state <> 'taken' OR NOT EXISTS (
            SELECT 1 FROM treatments_appointment WHERE id = NEW.visit_id AND patient_id = NEW.patient_id
        ) THEN {_refusal("deposit_of_its_own_visit")} END IF;
        RETURN NEW;
    """,  # noqa: S608  constants of ours only
)

STEP_FOLLOWS = pgtrigger.Trigger(
    name="deposit_step_follows",
    when=pgtrigger.After,
    operation=pgtrigger.Insert,
    func=f"""
        UPDATE treatments_deposit SET state = NEW.became WHERE id = NEW.deposit_id AND state = NEW.was;
        IF NOT FOUND THEN {_refusal("deposit_step_follows")} END IF;
        RETURN NULL;
    """,  # noqa: S608  constants of ours only
)
