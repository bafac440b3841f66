#!/usr/bin/env python3
"""Writes docs/configuration.md from the comments of configs/schema/*.proto; --check compares instead."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ORDER = ["config", "data", "model", "optimizer"]
OPEN = re.compile(r"^(message|enum) (\w+) \{")
FIELD = re.compile(
    r"^(?:(optional|repeated) )?(\w+) (\w+) = \d+(?: \[default = ([^\]]+)\])?;(?:\s*// (.*))?")
VALUE = re.compile(r"^(\w+) = \d+;(?:\s*// (.*))?")


class Message:
    def __init__(self, kind, name, comment):
        self.kind, self.name, self.comment, self.rows = kind, name, comment, []


def parse(path):
    """The messages and enumerations of one file, in order, with their comments."""
    found, stack, comment = [], [], []
    for line in path.read_text().splitlines():
        text = line.strip()
        if text.startswith("//"):
            comment.append(text[2:].strip())
            continue
        opened = OPEN.match(text)
        if opened:
            name = ".".join([m.name for m in stack if m] + [opened[2]])
            message = Message(opened[1], name, " ".join(comment))
            found.append(message)
            stack.append(None if text.endswith("{}") else message)
            if text.endswith("{}"):
                stack.pop()
        elif text.startswith("oneof"):
            stack.append(None)
        elif text.startswith("}"):
            stack.pop()
        elif any(stack):
            owner = [m for m in stack if m][-1]
            field, value = FIELD.match(text), VALUE.match(text)
            if owner.kind == "enum" and value:
                owner.rows.append((value[1], "", "", " ".join(comment + [value[2] or ""])))
            elif field:
                kind = field[2] + (" (list)" if field[1] == "repeated" else "")
                words = " ".join(comment + [field[5] or ""]).strip()
                owner.rows.append((field[3], kind, field[4] or "", words))
        comment = []
    return found


def document():
    out = ["# Configuration reference", "",
           "Generated from `configs/schema/*.proto` by `configs/document.py`. A configuration is a `Config`",
           "message in protobuf text form; any field can be set on the command line, for example",
           "`--set train.epochs=5`.", ""]
    for name in ORDER:
        for message in parse(ROOT / "configs" / "schema" / f"{name}.proto"):
            out += [f"## {message.name}", ""]
            if message.comment:
                out += [message.comment, ""]
            if not message.rows:
                continue
            if message.kind == "enum":
                out += ["| value | meaning |", "| --- | --- |"]
                out += [f"| `{n}` | {w.strip()} |" for n, _, _, w in message.rows]
            else:
                out += ["| field | type | default | meaning |", "| --- | --- | --- | --- |"]
                out += [f"| `{n}` | {t} | {'`' + d + '`' if d else ''} | {w} |" for n, t, d, w in message.rows]
            out.append("")
    return "\n".join(out)


def main():
    target = ROOT / "docs" / "configuration.md"
    if "--check" in sys.argv[1:]:
        if target.read_text() != document():
            sys.exit("docs/configuration.md does not match configs/schema: run configs/document.py")
        print("docs/configuration.md matches configs/schema")
    else:
        target.write_text(document())


if __name__ == "__main__":
    main()
