"""Migrations add and never take away, so that the release before goes on working beside them."""

import pytest
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.models.fields import NOT_PROVIDED

FIRST_RELEASE = "0002_batches_webhooks_exports"
HARMLESS = (
    migrations.AddIndex,
    migrations.RemoveIndex,
    migrations.AlterModelOptions,
    migrations.AlterModelManagers,
    migrations.RunPython,
)
# What looks as if it took something away and does not, by migration and operation: why.
EXEMPT: dict[tuple[str, str], str] = {
    ("0010_lists_by_index", "Alter field model on prediction"): (
        "the column stays as it is: its index goes, and prediction_of_model takes its place"
    ),
}


def later_operations():
    """Each operation after the first release with the state before it."""
    loader = MigrationLoader(None, ignore_no_migrations=True)
    plan = list(loader.graph.forwards_plan(loader.graph.leaf_nodes("classifier")[0]))
    after = plan.index(("classifier", FIRST_RELEASE)) + 1
    state = loader.project_state(("classifier", FIRST_RELEASE))
    for key in plan[after:]:
        if key[0] != "classifier":
            continue
        for operation in loader.graph.nodes[key].operations:
            yield key[1], operation, state.clone()
            operation.state_forwards("classifier", state)


def fault(operation, state, new_models: set[str]) -> str:
    """What the release before would stumble over; empty where it is nothing."""
    if isinstance(operation, HARMLESS):
        return ""
    if isinstance(operation, migrations.CreateModel):
        new_models.add(operation.name_lower)
        return ""
    if getattr(operation, "model_name_lower", getattr(operation, "name_lower", "")) in new_models:
        return ""
    if isinstance(operation, migrations.AddField):
        field = operation.field
        filled = field.null or field.many_to_many or field.db_default is not NOT_PROVIDED
        return "" if filled else "old code leaves the column out: give it db_default or null=True"
    if isinstance(operation, migrations.AlterField):
        return alteration(operation, state)
    return "changes or takes away what old code uses: do it one release later, or say why not"


def alteration(operation, state) -> str:
    model = state.apps.get_model("classifier", operation.model_name)
    old, new = model._meta.get_field(operation.name), operation.field.clone()
    new.set_attributes_from_name(operation.name)
    new.model = model
    if isinstance(new, models.ForeignKey):
        return "compare foreign keys by eye, then exempt it"
    if connection.schema_editor()._field_should_be_altered(old, new):
        return "alters a column that old code writes"
    return ""


def test_migrations_after_the_first_release_only_add():
    new_models: set[str] = set()
    faults = [
        (name, operation.describe(), why)
        for name, operation, state in later_operations()
        if (why := fault(operation, state, new_models))
        and (name, operation.describe()) not in EXEMPT
    ]
    assert faults == []


@pytest.mark.parametrize(
    ("operation", "refused"),
    [
        (migrations.AddField("image", "x", models.IntegerField(default=0)), True),
        (migrations.AddField("image", "x", models.IntegerField(db_default=0)), False),
        (migrations.AddField("image", "x", models.IntegerField(null=True)), False),
        (migrations.RemoveField("image", "name"), True),
        (migrations.RenameField("image", "name", "title"), True),
        (migrations.DeleteModel("Image"), True),
        (migrations.AlterField("image", "name", models.CharField("n", max_length=255)), False),
        (migrations.AlterField("image", "name", models.CharField(max_length=10)), True),
        (migrations.AddConstraint("image", models.UniqueConstraint("name", name="n")), True),
        (migrations.RunSQL("DROP TABLE classifier_image"), True),
        (migrations.CreateModel("Other", [("id", models.AutoField(primary_key=True))]), False),
    ],
)
def test_the_check_tells_what_adds_from_what_takes_away(operation, refused):
    """So that the test above proves something."""
    state = MigrationLoader(None, ignore_no_migrations=True).project_state(
        ("classifier", FIRST_RELEASE)
    )
    assert bool(fault(operation, state, set())) == refused
