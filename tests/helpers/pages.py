"""Commands and programs as README and the other pages print them."""

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "benchmarks/README.md",
]
PROGRAMS = (
    *("bash", "commonfate", "make", "pip", "python", "python3", "snakemake"),
    *(".", "export", "ls", "scancel", "wc"),
)
"""What a printed command may begin with; another needs a test that knows what it does."""
MEASURED = "/usr/bin/time -v "
"""What may stand before a command to say what it took."""
BEFORE = rf"(?:{MEASURED}|srun (?:--\S+ )*)?(?:[A-Z_]+=\S* )*"
"""What may stand before a program's name."""


@dataclass(frozen=True)
class Block:
    """Lines of a page that are indented by four spaces; `line` is the number of the first."""

    page: Path
    line: int
    text: str

    @property
    def place(self) -> str:
        """Page and line, for names of tests."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def kind(self) -> str:
        """`shell`, `python`, `yaml`, or `layout` of a folder.

        Raises:
            ValueError: it is none of them, as a command of a program that no test knows.
        """
        if _program(self.text.split("\n")[0]) in PROGRAMS:
            return "shell"
        if _is_python(self.text):
            return "python"
        if _is_yaml(self.text):
            return "yaml"
        if all(re.fullmatch(r"[\w.{}:/]+/[\w.{}:/]*", word) for word in self._first_words()):
            return "layout"
        raise ValueError(f"{self.place}: no test knows how to check {self.text!r}")

    def _first_words(self) -> list[str]:
        return self.text.split("\n")[0].split()


@dataclass(frozen=True)
class Command:
    """A command line, continued lines joined, without its comment."""

    page: Path
    line: int
    text: str
    inline: bool = False
    """Whether it stands in a sentence."""

    @property
    def abbreviated(self) -> bool:
        """Whether arguments may be left out: in a sentence, or where dots say so."""
        return self.inline or self.text.endswith(" ...")

    @property
    def place(self) -> str:
        """Page, line and what is called, for names of tests."""
        return f"{self.page.relative_to(ROOT)}:{self.line} {' '.join(self.text.split()[:2])}"

    @property
    def program(self) -> str:
        """The program that is called."""
        return _program(self.text)

    @property
    def environment(self) -> dict[str, str]:
        """Variables that are set before the program's name."""
        words = _before_program(self.text)
        return dict(word.split("=", 1) for word in words if re.match(r"[A-Z_]+=", word))

    @property
    def words(self) -> list[str]:
        """Program and arguments, as bash hands them over where no file fits a pattern."""
        return _split(self.text)


def _before_program(text: str) -> list[str]:
    return re.match(BEFORE, text)[0].split()


def _program(text: str) -> str:
    words = text.split()[len(_before_program(text)) :]
    return words[0].removeprefix(".venv/bin/") if words else ""


@cache
def _split(text: str) -> list[str]:
    assert not re.search(r"[|<>;]", re.sub(r"\$\(.*?\)|'[^']*'", "", text)), (
        f"several words: {text}"
    )
    rest = text.split(maxsplit=len(_before_program(text)))[-1] if _before_program(text) else text
    script = f"set -f; printf '%s\\0' {rest}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    words = done.stdout.split("\0")[:-1]
    return [words[0].removeprefix(".venv/bin/"), *words[1:]]


def _is_python(text: str) -> bool:
    try:
        statements = ast.parse(text).body
    except SyntaxError:
        return False
    # `key: value` is Python, too, but no program.
    return not isinstance(statements[0], ast.AnnAssign)


def _is_yaml(text: str) -> bool:
    try:
        return isinstance(yaml.safe_load(text), dict)
    except yaml.YAMLError:
        return False


def blocks(page: Path) -> Iterator[Block]:
    """Indented blocks of a page, each between lines that are not indented."""
    lines = ["", *page.read_text().split("\n"), ""]
    begin = None
    for number, line in enumerate(lines):
        indented = line.startswith("    ")
        if indented and begin is None and not lines[number - 1].strip():
            begin = number
        if not indented and begin is not None:
            text = "\n".join(each[4:] for each in lines[begin:number])
            yield Block(page, begin, text)
            begin = None


def commands(page: Path) -> Iterator[Command]:
    """Commands of a page in their order, those of blocks before those in sentences."""
    for block in blocks(page):
        if block.kind == "shell":
            yield from commands_of(block)
    yield from _inline(page)


def commands_of(block: Block) -> Iterator[Command]:
    """Commands of a block of kind `shell`."""
    line, text = block.line, ""
    for number, printed in enumerate(block.text.split("\n"), block.line):
        if not text:
            line = number
        text += re.sub(r"\s{2,}# .*$", "", printed if not text else " " + printed.strip())
        if text.endswith("\\"):
            text = text[:-1].rstrip()
            continue
        for part in text.split(" && "):
            yield Command(block.page, line, part.strip())
        text = ""
    assert not text, f"{block.place}: ends in a continued line"


def _inline(page: Path) -> Iterator[Command]:
    """Commands between backticks, of programs that a word of prose cannot be."""
    indented = re.compile(r"^    .*$", re.MULTILINE)
    prose = indented.sub("", page.read_text())
    for match in re.finditer(r"`([^`]+)`", prose):
        text = " ".join(match[1].split())
        if _program(text) in ("bash", "commonfate", "make", "pip", "snakemake") and " " in text:
            yield Command(page, prose[: match.start()].count("\n") + 1, text, inline=True)


BLOCKS = [block for page in PAGES for block in blocks(page)]
"""All blocks of all pages."""
