"""Imports a file into a project of doccano's and exports it again: ``IN OUT relations`` or ``IN OUT spans``.

doccano is a site; this runs its own code for both on a data base in memory, without server and login.
"""

from __future__ import annotations

import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import django
from django.conf import settings

APPS = ("roles", "projects", "label_types", "examples", "labels", "data_import", "data_export")


def set_up() -> None:
    """Makes doccano's tables."""
    package = find_spec("backend")
    assert package is not None
    assert package.origin is not None
    sys.path.insert(0, str(Path(package.origin).parent))
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django_drf_filepond", *APPS],
        DJANGO_DRF_FILEPOND_FILE_STORE_PATH=tempfile.gettempdir(),  # where nothing is put
        MIGRATION_MODULES=dict.fromkeys(APPS),  # tables are made as the models stand
        USE_TZ=True,
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", run_syncdb=True, verbosity=0)


def main(source: Path, target: Path, *, relations: bool) -> None:
    """Imports and exports a file with relations, or one of spans alone."""
    from data_export.models import ExportedExample
    from data_export.pipeline.dataset import Dataset
    from data_export.pipeline.factories import create_comment, create_formatter, create_labels, create_writer
    from data_export.pipeline.services import ExportApplicationService
    from data_import.datasets import load_dataset
    from data_import.pipeline.catalog import JSONL, RELATION_EXTRACTION
    from data_import.pipeline.readers import FileName
    from django.contrib.auth.models import User
    from projects.models import ProjectType, SequenceLabelingProject

    user = User.objects.create(username="annotator")
    kind = ProjectType.SEQUENCE_LABELING
    project = SequenceLabelingProject.objects.create(
        name="news",
        project_type=kind,
        created_by=user,
        collaborative_annotation=True,
        allow_overlapping=True,
        use_relation=relations,
    )
    file = FileName(str(source), source.name, source.name)
    task = RELATION_EXTRACTION if relations else kind
    dataset = load_dataset(task, JSONL, [file], project, encoding="utf-8")
    dataset.save(user)
    if dataset.errors:
        raise SystemExit("\n".join(map(str, dataset.errors)))
    examples = ExportedExample.objects.filter(project=project)
    rows = Dataset(examples, create_labels(project, examples), create_comment(examples))
    service = ExportApplicationService(rows, create_formatter(project, JSONL.name), create_writer(JSONL.name))
    service.export(str(target))


if __name__ == "__main__":
    set_up()
    main(Path(sys.argv[1]), Path(sys.argv[2]), relations=sys.argv[3] == "relations")
