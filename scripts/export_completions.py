"""Write what shells complete the command line by, ``clawsocket/cli/completions``: ``make completions``."""

from __future__ import annotations

from clawsocket import config
from clawsocket.cli.completion import FILES, FOLDER
from scripts.completions import bash, fish, zsh
from scripts.completions.commands import command_line


def files() -> dict[str, str]:
    """Return what the files have to hold, by their names."""
    main, settings = command_line(), {row.name: row.help for row in config.rows()}
    texts = {
        "bash": bash.script(main, settings),
        "zsh": zsh.script(main, settings),
        "fish": fish.script(main, settings),
    }
    return {FILES[shell]: text for shell, text in texts.items()}


def main() -> None:
    """Write them."""
    for name, text in files().items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
