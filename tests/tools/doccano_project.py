"""doccano's own importer and exporter, without its server, in its own environment.

    python doccano_project.py IN.jsonl OUT.jsonl [ANSWERS.json]

ANSWERS.json maps a text to the intent that a person chooses instead.
"""

import importlib.util
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path


def main(source: str, target: str, answers: str | None = None) -> None:
    """Make a project, import, answer, export."""
    home = Path(tempfile.mkdtemp(prefix="doccano_"))
    os.environ.update(
        DOCCANO_HOME=str(home),
        STANDALONE="True",
        DJANGO_SETTINGS_MODULE="config.settings.production",
        DATABASE_URL=f"sqlite:///{home}/db.sqlite3",
        MEDIA_ROOT=str(home / "media"),
        DEBUG="False",
    )
    backend = importlib.util.find_spec("backend")
    sys.path.insert(0, str(Path(backend.origin if backend else "").parent))
    import django

    django.setup()
    try:
        _run(source, target, json.loads(Path(answers).read_text()) if answers else {})
    finally:
        shutil.rmtree(home)


def _run(source: str, target: str, answers: dict[str, str]) -> None:
    from data_export.celery_tasks import create_collaborative_dataset
    from data_export.pipeline.factories import create_formatter, create_writer
    from data_import.datasets import load_dataset
    from data_import.pipeline.catalog import create_file_format
    from data_import.pipeline.readers import FileName
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from label_types.models import CategoryType
    from labels.models import Category
    from projects.models import IntentDetectionAndSlotFillingProject, ProjectType

    call_command("migrate", verbosity=0)
    call_command("create_roles")
    user = get_user_model().objects.create_superuser("ana", "ana@example.com", "p")
    project = IntentDetectionAndSlotFillingProject.objects.create(
        name="rasa-qa",
        description="",
        project_type=ProjectType.INTENT_DETECTION_AND_SLOT_FILLING,
        created_by=user,
        collaborative_annotation=True,
    )
    project.add_admin()
    dataset = load_dataset(
        "IntentDetectionAndSlotFilling",
        create_file_format("JSONL"),
        [FileName(source, "in.jsonl", "in.jsonl")],
        project,
        encoding="utf_8",
    )
    dataset.save(user, batch_size=1000)
    if dataset.errors:
        raise SystemExit(str([error.dict() for error in dataset.errors]))
    for example in project.examples.all():
        if example.text in answers:
            label, _ = CategoryType.objects.get_or_create(
                project=project, text=answers[example.text]
            )
            Category.objects.filter(example=example).update(label=label)
    folder = tempfile.mkdtemp()
    create_collaborative_dataset(
        project,
        folder,
        False,  # also what nobody has confirmed
        create_formatter(project, "JSONL"),
        create_writer("JSONL"),
    )
    shutil.copy(f"{folder}/all.jsonl", target)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
