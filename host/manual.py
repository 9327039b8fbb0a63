"""The manual page, completion for shells, and the list of exit statuses, from the commands.

`python -m host.manual` writes them into the source tree (`make manual`); the wheel installs them
under share/.
"""

from __future__ import annotations

import contextlib
import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import typer

from contracts import resources
from contracts.errors import DormouseError
from host import failures
from host.cli import root

__all__ = ["COMPLETION", "errors", "exit_statuses", "man_page", "status_table", "write"]

_SHARE = Path("deploy/share")
_PAGE = Path("docs/commands.md")
_MARK = "<!-- exit statuses: make manual -->"
_VARIABLE = "_DORMOUSE_COMPLETE"

_OWN: Final = {
    0: "done",
    failures.DECLINED: "not done, for a reason that has no number of its own; a question was "
    "answered with no",
    failures.USAGE: "the command line was not understood, or what it names is not there",
    failures.INTERRUPTED: "ended by Ctrl-C (130) or SIGTERM (143); `hub`, `demo` and `twin` end "
    "with 0",
    failures.UNREAD: "nobody reads the output any more: `head` behind a pipe had enough",
}
# Commands that have statuses of their own, beside those of errors.
_COMMANDS: Final = {
    5: "`ota device`: the update failed",
    6: "`ota device`: it was skipped",
    55: "`hub doctor`: a part of the hub does not run, or its clock is wrong",
    56: "`hub doctor`: the certificate has expired, or soon will",
    57: "`hub doctor network`: sensors reach what they must not, or not the hub",
    50: "`hub doctor`: the broker lets somebody in who must not",
    51: "`hub doctor`: one tenant sees or writes another's rows",
    52: "`hub doctor`: pages or the API are open to strangers",
    53: "`hub doctor`: other users of the machine can read secrets",
    54: "`hub doctor`: something listens that no setting names",
}


def errors() -> Iterator[type[DormouseError]]:
    """Every error that a command can end with, of all that is installed here."""
    for top in ("contracts", "host", "hub"):
        with contextlib.suppress(ModuleNotFoundError):
            for found in pkgutil.walk_packages(import_module(top).__path__, f"{top}."):
                if not _is_program(found.name):
                    import_module(found.name)
    waiting: list[type[DormouseError]] = [DormouseError]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += one.__subclasses__()


def _is_program(module: str) -> bool:
    """Whether it does something when it is imported, or is no module of this interpreter."""
    return module.endswith(("__main__", ".env")) or ".shims" in module or ".templates" in module


def exit_statuses() -> dict[int, str]:
    """What each exit status means, by number."""
    texts: dict[int, list[str]] = {number: [text] for number, text in _OWN.items()}
    for error in sorted(set(errors()), key=lambda one: (one.__module__, one.__qualname__)):
        if error.exit_status not in _OWN:
            line = (error.__doc__ or "").partition("\n\n")[0].partition(";")[0]
            text = " ".join(line.replace("`", "").split()).rstrip(".")
            word = text.partition(" ")[0]
            if word.capitalize() == word:  # not MicroPython, not QEMU
                text = text[:1].lower() + text[1:]
            texts.setdefault(error.exit_status, []).append(text)
    for number, text in _COMMANDS.items():
        texts.setdefault(number, []).append(text)
    return {number: "; ".join(dict.fromkeys(texts[number])) for number in sorted(texts)}


def status_table() -> str:
    """The same in Markdown, as docs/commands.md has it."""
    rows = [f"| {number} | {text} |" for number, text in exit_statuses().items()]
    return "\n".join(["| status | what |", "| --- | --- |", *rows])


def _scripts() -> dict[str, str]:
    bash = f"""\
_dormouse_completion() {{
    local IFS=$'\\n'
    COMPREPLY=( $( env COMP_WORDS="${{COMP_WORDS[*]}}" COMP_CWORD=$COMP_CWORD \\
                   {_VARIABLE}=complete_bash "$1" 2>/dev/null ) )
}}
complete -o default -F _dormouse_completion dormouse
"""
    zsh = f"""\
#compdef dormouse
eval "$(env _TYPER_COMPLETE_ARGS="${{words[1,$CURRENT]}}" {_VARIABLE}=complete_zsh dormouse)"
"""
    ask = (
        f"env {_VARIABLE}=complete_fish _TYPER_COMPLETE_FISH_ACTION=%s "
        "_TYPER_COMPLETE_ARGS=(commandline -cp) dormouse"
    )
    fish = (
        f'complete --command dormouse --no-files --arguments "({ask % "get-args"})" '
        f'--condition "{ask % "is-args"}"\n'
    )
    return {
        "bash-completion/completions/dormouse": bash,
        "zsh/site-functions/_dormouse": zsh,
        "fish/vendor_completions.d/dormouse.fish": fish,
    }


COMPLETION: Final[Mapping[str, str]] = _scripts()
"""What shells load to complete a command line, by its place under share/."""


def man_page() -> str:
    """dormouse(1): commands with what they do, and exit statuses."""
    command: Any = typer.main.get_command(root())
    lines = [
        f'.TH DORMOUSE 1 "" "dormouse {resources.release()}" "User Commands"',
        ".SH NAME",
        "dormouse \\- sensors that sleep nearly all the time, and the hub that hears them",
        ".SH SYNOPSIS",
        ".B dormouse",
        ".I command",
        "[\\fIoptions\\fR]",
        ".SH DESCRIPTION",
        _roff(
            "Every command says what it takes with --help, and prints JSON with --json. Where a "
            "device is meant its name will do as well as its id; a name that several have is "
            "refused with all of them, and told apart by its place: 'House / Cellar'."
        ),
        ".SH COMMANDS",
        *_commands(command, ()),
        ".SH ENVIRONMENT",
        ".TP\n.B DORMOUSE_DATA_DIR\n" + _roff("The hub's folder, where --data-dir is not given."),
        ".TP\n.B NO_COLOR\nNo colours, whatever the terminal.",
        _roff("Each setting of the hub has a variable: dormouse hub settings lists them."),
        ".SH EXIT STATUS",
        *(f".TP\n.B {number}\n{_roff(text)}" for number, text in exit_statuses().items()),
    ]
    return "\n".join(lines) + "\n"


def _commands(group: Any, path: tuple[str, ...]) -> Iterator[str]:
    for name, one in group.commands.items():
        named = (*path, name)
        text = one.get_short_help_str(500) or one.help or ""
        if not hasattr(one, "commands"):
            yield f".TP\n.B {_roff(' '.join(named))}\n{_roff(text)}"
        else:
            yield f".SS {_roff(' '.join(named))}\n{_roff(text)}"
            yield from _commands(one, named)


def _roff(text: str) -> str:
    """Plain text for troff: hyphens that can be copied, nothing read as a request."""
    plain = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-").replace("`", "")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain


def write(tree: Path) -> None:
    """Write all of them into a source tree."""
    files = {"man/man1/dormouse.1": man_page(), **COMPLETION}
    for name, text in files.items():
        path = tree / _SHARE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    page = tree / _PAGE
    before, *_ = page.read_text("utf-8").partition(_MARK)
    page.write_text(f"{before}{_MARK}\n\n{status_table()}\n", "utf-8")


if __name__ == "__main__":
    write(resources.source_tree() or Path())
