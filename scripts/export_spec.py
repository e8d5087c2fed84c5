"""Write the contract, ``asyncapi/``, from the code: ``make export-spec``."""

from __future__ import annotations

import io
import json
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from scripts.contract.document import document
from scripts.contract.reference import reference
from scripts.contract.schemas import Json

FOLDER = Path(__file__).parent.parent / "asyncapi"


def files() -> dict[str, str]:
    """Return what the files have to hold, by their names."""
    spec = document()
    return {
        "asyncapi.json": json.dumps(spec, indent=2, ensure_ascii=False) + "\n",
        "asyncapi.yaml": _yaml(spec),
        "EVENTS.md": reference(spec),
    }


def _yaml(spec: Json) -> str:
    yaml = YAML()
    yaml.width = 120
    yaml.representer.ignore_aliases = lambda _data: True
    info = {**spec["info"], "description": LiteralScalarString(spec["info"]["description"])}
    out = io.StringIO()
    yaml.dump({**spec, "info": info}, out)
    return out.getvalue()


def main() -> None:
    """Write them."""
    for name, text in files().items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
