"""The command line. Nothing heavy is imported before it is known what is asked for."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from clawsocket import __version__
from clawsocket.cli.arguments import parse
from clawsocket.errors import ClawSocketError, meaning


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments after the program's name; the process's own by default.

    Returns:
        The exit code: 0 fine, 1 a wrong flag or value, others as ``--help`` says.
    """
    try:
        options = parse(sys.argv[1:] if argv is None else argv)
        if options.show is not None:
            print(options.show, end="")
            return 0
        return _run(options.action, options.given)
    except ClawSocketError as error:
        print(f"claw-socket: {error}", file=sys.stderr)
        return meaning(error).exit
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141


def _run(action: str, given: dict[str, str]) -> int:
    from clawsocket import config
    from clawsocket.paths import Home

    home = Home.default()
    settings = config.load(given, file=home.config)
    if action == "serve":
        from clawsocket.cli.serve import serve

        return serve(settings, home)
    if action == "rotate":
        from clawsocket.cli.rotate import rotate

        return rotate(home)
    from clawsocket.cli.hooks import change

    return change(action, settings, home)


__all__ = ["__version__", "main"]
