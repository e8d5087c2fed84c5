"""A contract for import-linter that says what a module may import of ours.

The rest is forbidden, and so is what is added later.
"""

from __future__ import annotations

from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


def _within(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


class OnlyContract(Contract):
    """``importer`` imports, of its own root package, only what ``may_import`` names, and what is inside of that.

    Imports are judged where they stand: what a permitted module imports in turn is for that module's own contract
    to say. The root package itself (its ``__version__``) is named like any other module, and then stands for itself
    alone.
    """

    importer = fields.StringField()
    may_import: Any = fields.SetField(subfield=fields.StringField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Find the direct imports that are not permitted."""
        importer = str(self.importer)
        root = importer.partition(".")[0]
        named = set(self.may_import or ())
        packages = {importer, *named} - {root}

        def permitted(imported: str) -> bool:
            return imported in named or any(_within(imported, package) for package in packages)

        bad = sorted(
            (module, imported)
            for module in graph.modules
            if _within(module, importer)
            for imported in graph.find_modules_directly_imported_by(module)
            if _within(imported, root) and not permitted(imported)
        )
        return ContractCheck(kept=not bad, metadata={"bad": bad})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print each of them."""
        for module, imported in check.metadata["bad"]:
            output.print_error(f"{module} may not import {imported}")
