"""Writes docs/reference.md from the code: commands, keys of a recipe, JSON, environment, Python interface.

python docs/generate.py
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from typer.main import get_command

import kashif
from kashif.cli.app import app
from kashif.document import Document, Entity, Relation
from kashif.training.recipe import BaseRecipe, PretrainingRecipe, Recipe

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference.md"
HEAD = """\
# Reference

<!-- Written by docs/generate.py from the code. Change the code, then run: python docs/generate.py -->
"""
STATUS = """\
Exit status: 0 the work is done; 1 the work failed; 2 the input or the usage is wrong, which gives a
message and no traceback.

What a command writes goes into a folder if the path ends in `/`, is a folder that exists, or the format
needs one (plain and brat have one document a file). Otherwise it goes into a file. That holds for
`--output`, `--json`, `--html` and `--errors`.

A `CORPUS` is `[FORMAT:]PATH[#SPLIT]`, for scores perhaps with `@MAPPING`: see [formats](formats.md)."""
RECIPES = """\
One YAML file is one training. Unknown keys are refused. `--set KEY=VALUE` changes one on the command line.
Paths are relative to the current folder."""
JSON = """\
`predict` writes a document a line, and so does the format `jsonl`. Offsets count code points of `text`,
from 0; `end` is behind the last one: `text[start:end]` is the mention. Other keys of a document go into
`meta`."""
REPORT = """\
`score --json` and `crossvalidate --json` write one object:

| key | what it is |
|---|---|
| `date`, `machine`, `seed` | when and where it was made; the seed of the bootstrap |
| `system` | the name of the model's folder, of the file of predictions or of the recipe |
| `model` | the SHA-256 of its `model.safetensors` (`weights`) and `config.json` (`config`), which \
`export --release --report` compares; null for predictions and a cross-validation |
| `runtime` | what ran the model: a card takes reports of `torch` alone; null where `model` is |
| `reports` | one for each corpus: `corpus`, `documents`, `measures` and so on, as in [reports](reports.md) |
| `notices` | of the whole run, and of corpora of which no article was left; each report has those of \
its corpus: what was left out, and what was not held out |"""
VARIABLES = {
    "KASHIF_MODEL": "the model of `predict` where none is named; by default `news`, which comes with Kashif",
    "KASHIF_CACHE": "the folder of the embedded encoder and of the graph of `news`, else `~/.cache/kashif`",
    "KASHIF_DATA": "the folder of public corpora, in paths of corpora (`$KASHIF_DATA/…`) and in manifests",
    "KASHIF_SEEDS": "the folder of the texts of the seed articles",
}
"""The variables that the code reads, each in words; a test holds that these are all."""
OTHERS = {
    "HF_HUB_OFFLINE": "`1`: nothing is fetched from the hub",
    "OMP_NUM_THREADS": "how many threads of the processor torch takes",
    "CUDA_VISIBLE_DEVICES": "the GPUs that may be used; empty for none",
    "TENSORBOARD_LOGGING_DIR": "where `trainer: {report_to: tensorboard}` writes",
}
"""Variables of the libraries that users of Kashif need."""
TYPES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number from 0 to 1",
    "Mapping[str, Any]": "an object",
}
MEANING = {
    ("Document", "id"): "its name, unique among the documents",
    ("Document", "text"): "the text, to the letter",
    ("Document", "entities"): "the entities",
    ("Document", "relations"): "the relations",
    ("Document", "meta"): "what came with the text; it goes through untouched",
    ("Entity", "id"): "unique in the document; relations name it",
    ("Entity", "start"): "its first code point",
    ("Entity", "end"): "the code point behind its last",
    ("Entity", "label"): "an entity label of the scheme",
    ("Entity", "text"): "the mention, `text[start:end]`",
    ("Entity", "normal"): "the mention without diacritics and tatweel, Persian letters folded",
    ("Entity", "score"): "its probability; gold has none",
    ("Relation", "label"): "a relation label of the scheme",
    ("Relation", "head"): "the id of the entity that it begins at",
    ("Relation", "tail"): "the id of the entity that it ends at",
    ("Relation", "score"): "its probability, those of its arguments included; gold has none",
}


def page() -> str:
    """The whole page."""
    parts = [HEAD, "## Commands\n", STATUS, ""]
    parts += commands(get_command(app), "kashif")
    parts += ["## Keys of a recipe\n", RECIPES, "", *keys(Recipe, set()), ""]
    base = list(BaseRecipe.model_fields)
    parts += [f"`kashif pretrain` takes those of `{base[0]}` to `{base[-1]}`, and:", ""]
    parts += [*keys(PretrainingRecipe, set(base)), "", "## JSON of a document\n", JSON, "", *document(), ""]
    parts += ["## JSON of a report\n", REPORT, ""]
    parts += ["## Environment variables\n", *table(("variable", "what it does"), variables()), ""]
    parts += ["## Python interface\n", *interface()]
    return "\n".join(parts).rstrip() + "\n"


def table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """A table in Markdown."""
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        escaped = (cell.replace("<", "&lt;") if not cell.startswith("<code>") else cell for cell in row)
        cells = (" ".join(re.sub(r"(?<!\\)\|", r"\|", cell).split()) for cell in escaped)
        yield f"| {' | '.join(cells)} |"


def commands(command: Any, name: str) -> Iterator[str]:
    """A command of click's and those below it, in the order of the code."""
    if below := getattr(command, "commands", None):
        for word, one in below.items():
            yield from commands(one, f"{name} {word}")
        return
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    words = [name, *map(usage, arguments), *(["[OPTIONS]"] if options else [])]
    yield f"### `{name}`\n"
    yield f"    {' '.join(words)}\n"
    yield f"{markdown(command.help or '')}\n"
    rows = ((called(one), default(one), one.help or "") for one in (*arguments, *options))
    yield from table(("", "default", "what it is"), rows)
    yield ""


def usage(argument: Any) -> str:
    """An argument as the line of usage has it."""
    name = argument.metavar or argument.name.upper()
    return name if argument.required else f"[{name}]"


def called(parameter: Any) -> str:
    """An argument's or an option's name in the table."""
    name = parameter.metavar or ("VALUE" if parameter.param_type_name == "option" else parameter.name.upper())
    if parameter.param_type_name == "option":
        name = parameter.opts[0] if parameter.is_flag else f"{parameter.opts[0]} {name}"
    return f"<code>{name.replace('|', '&#124;')}</code>" if "|" in name else f"`{name}`"


def default(parameter: Any) -> str:
    """A parameter's default, nothing where there is none to tell."""
    if parameter.required:
        return "required"
    value = parameter.default
    told = value is not None and value is not False and value != "" and not callable(value)
    return f"`{value}`" if told else ""


def keys(model: type[BaseRecipe], left_out: set[str]) -> Iterator[str]:
    """The table of a recipe's keys."""

    def rows() -> Iterator[tuple[str, ...]]:
        for key, field in model.model_fields.items():
            if key not in left_out:
                value = "required" if field.is_required() else f"`{shown(field.default)}`"
                yield (
                    f"`{key}`",
                    value,
                    field.description or "",
                    ", ".join(f"`{name}`" for name in users(key)),
                )

    return table(("key", "default", "what it does", "used in"), rows())


def shown(value: Any) -> str:
    """A default as YAML would have it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(str, value))}]"
    return str(value) if value != "" else '""'


def users(key: str) -> list[str]:
    """The modules of training that read a recipe's key."""
    folder = ROOT / "kashif"
    used = re.compile(rf"\brecipe\.{key}\b")
    return [
        ".".join(file.relative_to(folder).with_suffix("").parts)
        for file in sorted((folder / "training").glob("*.py"))
        if file.stem != "recipe" and used.search(file.read_text(encoding="utf-8"))
    ]


def document() -> Iterator[str]:
    """An example of a document's JSON, and its keys."""
    text = "ولد محمود درويش في البروة."
    entities = (
        Entity(0, 4, 15, "PERSON", "محمود درويش", score=0.98),
        Entity(1, 19, 25, "PLACE", "البروة", score=0.95),
    )
    yield "```json"
    yield Document("a1", text, entities, (Relation("born_in", 0, 1, 0.9),), {"year": 1941}).to_json()
    yield "```\n"

    def rows() -> Iterator[tuple[str, ...]]:
        for one in (Document, Entity, Relation):
            for field in fields(one):
                kind = str(field.type).removesuffix(" | None")
                kind = TYPES.get(kind, "a list")
                yield f"{one.__name__}", f"`{field.name}`", kind, MEANING[one.__name__, field.name]

    yield from table(("of", "key", "holds", "what it is"), rows())


def variables() -> Iterator[tuple[str, str]]:
    """The environment variables and what they do."""
    yield from ((f"`{name}`", told) for name, told in VARIABLES.items())
    yield from (
        (f"`{name}`", f"{told} (a variable of the libraries below Kashif)") for name, told in OTHERS.items()
    )


def interface() -> Iterator[str]:
    """The names of ``kashif.__all__`` with their docstrings: functions first."""
    names = [(name, getattr(kashif, name)) for name in kashif.__all__]
    for name, thing in sorted(names, key=lambda item: (inspect.isclass(item[1]), item[0])):
        yield f"### `kashif.{name}`\n"
        if not inspect.isclass(thing):
            yield f"```python\nkashif.{name}{signature(thing)}\n```\n"
            yield f"{markdown(inspect.getdoc(thing) or '')}\n"
            continue
        yield f"{markdown(inspect.getdoc(thing) or '')}\n"
        yield from members(thing)


def members(thing: type) -> Iterator[str]:
    """The fields of a class, then its public methods, in the order of the code."""
    if is_dataclass(thing):
        yield f"Fields: {', '.join(f'`{field.name}`' for field in fields(thing))}\n"
    found = []
    for name, member in vars(thing).items():
        function = member.__func__ if isinstance(member, classmethod | staticmethod) else member
        called = f"{name}{signature(function)}" if inspect.isfunction(function) else name
        if name.startswith(("_", "model_")) or not (
            inspect.isfunction(function) or isinstance(member, property)
        ):
            continue
        told = (inspect.getdoc(function) or "").partition("\n\n")[0]
        found.append(f"- `{called}`: {' '.join(markdown(told).split())}")
    if found:
        yield "\n".join(found) + "\n"


def signature(function: Any) -> str:
    """A function's signature without self, its types as they are written."""
    found = inspect.signature(function)
    kept = [one for one in found.parameters.values() if one.name not in ("self", "cls")]
    return re.sub(r"(: |-> )'([^']*)'", r"\1\2", str(found.replace(parameters=kept)))


def markdown(text: str) -> str:
    """A docstring in Markdown: its sections as bold words and lists."""
    lines: list[str] = []
    inside = False
    for line in text.replace("``", "`").splitlines():
        if re.fullmatch(r"(Args|Returns|Raises):", line):
            lines += [f"**{line.removesuffix(':')}**", ""]
            inside = True
        elif inside and re.match(r" {4}\S", line):
            new = bool(re.match(r" {4}\w+: ", line)) or not lines[-1]
            lines.append(f"- {line.strip()}" if new else f"  {line.strip()}")
        else:
            lines.append(f"  {line.strip()}" if inside and line.strip() else line)
            inside = inside and (not line.strip() or line.startswith(" "))
    return "\n".join(lines).strip()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
