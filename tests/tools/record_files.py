"""Record what real tools give back of six turns, for the ordinary tests to read.

uv run python -m tests.tools.record_files
"""

import tempfile
from pathlib import Path

from tests.tools.answers import answer_in_label_studio
from tests.tools.examples import CORRECTED, SENT
from tests.tools.label_studio_server import label_studio
from tests.tools.test_doccano import through_doccano
from tests.tools.test_label_studio import sent

FOLDER = Path(__file__).parents[1] / "data" / "annotation_tools"
_FORMS = {"JSON": "json", "JSON_MIN": "min.json", "CSV": "csv", "TSV": "tsv"}


def main() -> None:
    """Write all files anew."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        answers = {item.text: CORRECTED.get(item.turn_id, item.intent) for item in SENT}
        rows = through_doccano(list(SENT), folder, answers)
        (FOLDER / "doccano.jsonl").write_bytes(rows)
        with label_studio(folder) as tool:
            project = sent(tool, list(SENT))
            answer_in_label_studio(tool, project)
            for form, ending in _FORMS.items():
                file = FOLDER / f"label_studio.{ending}"
                file.write_bytes(tool.export(project, form))


if __name__ == "__main__":
    main()
