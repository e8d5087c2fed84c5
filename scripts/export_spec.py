"""Write the contract, ``asyncapi/`` and the page ``/docs``, from the code: ``make export-spec``."""

from __future__ import annotations

import io
import json
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import LiteralScalarString

from scripts.contract.document import document
from scripts.contract.page import page
from scripts.contract.reference import reference
from scripts.contract.schemas import Json

ROOT = Path(__file__).parent.parent


def files() -> dict[str, str]:
    """Return what the files have to hold, by their paths in the project."""
    spec = document()
    return {
        "asyncapi/asyncapi.json": json.dumps(spec, indent=2, ensure_ascii=False) + "\n",
        "asyncapi/asyncapi.yaml": _yaml(spec),
        "asyncapi/EVENTS.md": reference(spec),
        "clawsocket/web/docs.html": page(spec),
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
        (ROOT / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
