"""What is written of the parts: their licences, and a bill of materials."""

from __future__ import annotations

import json
import uuid
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from scripts.dist.parts import Part
from scripts.dist.place import FULL_NAME, NAME, ROOT, VERSION, when

_RULE = "=" * 100


def licences(parts: list[Part]) -> str:
    """Return the licence of everything in the binary, ours first."""
    listed = "".join(f"  {one.name} {one.version}{f'  ({one.licence})' if one.licence else ''}\n" for one in parts)
    head = f"{NAME} {VERSION}\n\n{(ROOT / 'LICENSE').read_text().strip()}\n\nIt is shipped with:\n\n{listed}"
    bodies = [f"{_RULE}\n{one.name} {one.version}\n{_RULE}\n\n{_text(one)}\n" for one in parts]
    return "\n".join([head, *bodies])


def _text(part: Part) -> str:
    if part.text:
        return part.text
    if part.licence:
        return f"Its licence is {part.licence}: https://spdx.org/licenses/"
    raise SystemExit(f"{part.name} does not say what its licence is: it can't be shipped")


def bill(parts: list[Part]) -> str:
    """Return the bill of materials, as CycloneDX 1.6 in JSON.

    Raises:
        SystemExit: it is not valid.
    """
    document: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": when().isoformat().replace("+00:00", "Z"),
            "component": {
                "type": "application",
                "bom-ref": NAME,
                "name": NAME,
                "version": VERSION,
                "description": "Every Claude Code session of this user, live on a WebSocket",
                "licenses": [{"license": {"id": "MIT"}}],
                "purl": f"pkg:generic/{NAME}@{VERSION}",
            },
        },
        "components": [_component(part) for part in parts],
        "dependencies": [{"ref": NAME, "dependsOn": sorted(part.purl for part in parts)}],
    }
    content = json.dumps(document, sort_keys=True)
    document["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, FULL_NAME + content)}"
    text = json.dumps(document, indent=2) + "\n"
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        raise SystemExit(f"the bill of materials is not valid: {error}")
    return text


def _component(part: Part) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": part.purl,
        "name": part.name,
        "version": part.version,
        "purl": part.purl,
    }
    if part.licence:
        component["licenses"] = [{"expression": part.licence}]
    if part.inside:
        component["components"] = part.inside
    return component
