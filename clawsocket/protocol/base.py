"""What every wire type shares: camelCase names, and absent instead of null for what is not known."""

from __future__ import annotations

import msgspec


class Wire(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """Base of everything that is sent. A field whose default is None is absent unless it is known."""
