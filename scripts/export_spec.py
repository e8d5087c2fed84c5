"""Write the contract, ``asyncapi/``, its page, the client's types and the dashboard's: ``make export-spec``."""

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
from scripts.contract.told import told
from scripts.contract.typescript import declarations

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "asyncapi"
PAGE = ROOT / "clawsocket" / "web" / "docs.html"
TYPES = ROOT / "clawsocket" / "web" / "claw-socket.d.ts"
TOLD = ROOT / "clawsocket" / "web" / "app" / "events-schemas.json"


def files() -> dict[Path, str]:
    """Return what the files have to hold."""
    spec = document()
    return {
        FOLDER / "asyncapi.json": json.dumps(spec, indent=2, ensure_ascii=False) + "\n",
        FOLDER / "asyncapi.yaml": _yaml(spec),
        FOLDER / "EVENTS.md": reference(spec),
        PAGE: page(spec),
        TYPES: declarations(spec, TYPES.read_text("utf-8")),
        TOLD: told(spec),
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
    for path, text in files().items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
