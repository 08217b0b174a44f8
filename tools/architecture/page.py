"""The page: tables that are written from the code, and links that the code must agree with."""

import ast
import re
from pathlib import Path

from sources import LEFT_OUT, PACKAGE, ROOT, Code, StaleError, path_of

PAGE = ROOT / "docs" / "architecture.md"


def page_parts(code: Code) -> dict[str, str]:
    """What stands between the page's markers, by the marker's name."""
    lines = ["| module | what it is |", "| --- | --- |"]
    for wing in [*code.wings, *sorted(LEFT_OUT)]:
        lines.append(f"| **{_link(wing)}** | {code.sentences[wing]} |")
        lines += [
            f"| {_link(name)} | {code.sentences[name]} |"
            for name in (f"{wing}.{module}" for module in code.modules(wing))
        ]
    modules = "\n".join(lines)
    lines = ["| in | order, from the top |", "| --- | --- |"]
    for package, layers in code.layers.items():
        order = " → ".join(", ".join(f"`{name}`" for name in layer) for layer in layers)
        lines.append(f"| `{package}` | {order} |")
    return {"modules": modules, "imports": "\n".join(lines)}


def _link(module: str) -> str:
    return f"[`{module}`](../{path_of(module).relative_to(ROOT).as_posix()})"


def with_parts(text: str, parts: dict[str, str]) -> str:
    """The page with these parts between its markers."""
    for name, part in parts.items():
        pattern = rf"(<!-- {name}: [^\n]* -->\n).*?(<!-- end of {name} -->)"
        text, n = re.subn(pattern, lambda m, p=part: f"{m[1]}{p}\n{m[2]}", text, flags=re.DOTALL)
        if n != 1:
            raise StaleError(f"{PAGE.relative_to(ROOT)} must have the markers of {name!r} once.")
    return text


def wrong_links(page: str) -> list[str]:
    """Links of the page to what is not there, and files of the R package that it does not name.

    A link from `name` to a source file says that the file defines the name; one from `folder/file`
    is of that file.
    """
    found, seen = [], set()
    for label, target in re.findall(r"\[`([^`]+)`\]\(([^)#]+)\)", page):
        path = (PAGE.parent / target).resolve()
        seen.add(path)
        if not path.exists():
            found.append(f"{PAGE.name} links `{label}` to {target}, which is not there.")
        elif "/" in label and not path.as_posix().endswith(f"/{label}"):
            found.append(f"{PAGE.name} links `{label}` to {target}.")
        elif path.is_file() and "/" not in label and label not in _names(path):
            found.append(f"{PAGE.name} says that {target} defines `{label}`; it does not.")
    for path in sorted((ROOT / "R").glob("*.R")):
        if path not in seen:
            found.append(f"{PAGE.name} does not link R/{path.name}.")
    return found


def _names(path: Path) -> set[str]:
    """What a source file defines, its own name included; in classes `Class.name`."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".R":
        return {path.name, *re.findall(r"^([\w.]+) <- ", text, re.MULTILINE)}
    if path.suffix != ".py":
        return {path.name}
    module = path.relative_to(ROOT / "python" / PACKAGE).with_suffix("")
    names = {path.name, ".".join(module.parts)}

    def collect(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            match node:
                case ast.ClassDef(name=name):
                    collect(node.body, f"{prefix}{name}.")
                case ast.FunctionDef(name=name):
                    pass
                case ast.Assign(targets=[ast.Name(id=name)]):
                    pass
                case ast.AnnAssign(target=ast.Name(id=name)):
                    pass
                case _:
                    continue
            names.add(prefix + name)

    collect(ast.parse(text).body, "")
    return names
