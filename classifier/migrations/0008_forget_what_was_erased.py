"""What recalls and trials had kept of answers that were erased."""

from typing import Any

from django.db import migrations


def forget(apps: Any, schema_editor: Any) -> None:
    for name in ("Correction", "TrialAnswer"):
        rows = apps.get_model("classifier", name).objects.using(schema_editor.connection.alias)
        rows.filter(prediction__deleted_at__isnull=False).delete()


class Migration(migrations.Migration):
    dependencies = (("classifier", "0007_worker_engine"),)
    operations = (migrations.RunPython(forget, migrations.RunPython.noop),)
