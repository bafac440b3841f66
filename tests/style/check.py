#!/usr/bin/env python3
"""The style check: `check.py [ROOT]` reads every file of the project and reports each broken rule with its
place and its reason; `check.py --self-test` plants one violation per rule (planted.py) and must see it.
Rules are few; what is not checked here is settled in review. Standard library only."""
import fnmatch
import re
import shutil
import subprocess
import sys
from pathlib import Path

FLOORS = ["kernels", "comm", "graph", "embedding", "trainer"]  # lowest first
FOLDERS = FLOORS + ["launch", "configs", "tests"]
TOP_LEVEL = set(FOLDERS) | {"docs", "CMakeLists.txt", "CMakePresets.json", "README.md", "CHANGELOG.md", "LICENSE"}
MAX_LINES = 400

CPP = {".cpp", ".h", ".inl", ".cu", ".cuh"}
SOURCES = CPP | {".proto", ".sh", ".py", ".cmake"}
# Who alone may include which outside headers.
FOREIGN = [
    (r"cuda_runtime\.h$", ("kernels/cuda", "comm/nccl")),
    (r"(cuda(?!_runtime\.h$)|cu(blas|sparse|rand)|cub/|thrust/|cooperative_groups)", ("kernels/cuda",)),
    (r"mpi(-ext)?\.h$", ("comm/mpi",)),
    (r"nccl\.h$", ("comm/nccl",)),
    (r"(google/protobuf/.*|.*\.pb\.h$)", ("trainer/",)),
]

REASONS = {
    "floors": "a file uses its own floor and the floors below it, so that each floor can be tested alone",
    "foreign": "MPI, NCCL, CUDA and protobuf stop at one place each, so that they can be absent or replaced",
    "length": f"a file of more than {MAX_LINES} lines has more than one subject",
    "comment": "a file opens with what it is for",
    "pragma": "a header stands alone and is read once",
    "macro": "absent parts are chosen by linking; a conditional is code that nobody compiles",
    "print": "libraries log through kernels/log.h; only the commands talk to the console",
    "assert": "a precondition that release builds skip is not one: use require",
    "new": "owners are values or unique_ptr",
    "abort": "a library never ends the process; MpiSession::abort alone ends the job",
    "atomics": "floating-point atomics make sums depend on timing",
    "random": "results are pure functions of the seed (kernels/random.h), the same with every library",
    "ranks": "models and losses are written on whole matrices; ranks and devices are their schedule",
    "readme": "each folder says what is here, what it may use and how to add to it",
    "top": "the top level is the table of contents",
    "format": "clang-format decides",
    "leak": "the project does not know the machine or the circumstances it was written on",
}

# rule, what must not be in code (comments and strings are blanked out), where the rule holds
def below(*folders):
    return lambda path: path.startswith(folders)

LINE_RULES = [
    ("macro", r"^\s*#\s*(if|ifdef|ifndef|elif|else|endif|define|undef)\b", lambda p: p != "kernels/scalar.h"),
    ("print", r"\bstd::cout\b|\b(std::)?(printf|puts)\s*\(|\bfmt::print\s*\(",
     lambda p: below(*(f"{f}/" for f in FLOORS))(p) and not below("trainer/commands/", "trainer/main.cpp")(p)),
    ("assert", r"\bassert\s*\(", below("")),
    ("new", r"(?<!operator )\bnew\b\s*(\(std::nothrow\)\s*)?[\w:<]", below("")),  # placement new owns nothing
    ("abort", r"(?<!MpiSession::)\babort\s*\(", lambda p: not below("comm/mpi_session.")(p)),
    ("atomics", r"\batomicAdd\s*\(|\batomic(_ref)?\s*<\s*(float|double|Real)\b|#\s*pragma\s+omp\s+atomic", below("")),
    ("random", r"\brandom_device\b|\bstd::hash\b|\bs?rand\s*\(", below("")),
    ("ranks", r"\brank\s*\(\s*\)|(?i:\w*comm\w*)(\(\))?(\.|->)size\s*\(|\bMPI|\bmpi(\b|_)|(?i:cuda|nccl)",
     below("trainer/models/", "trainer/losses/")),
]
LEAK = re.compile(r"/wor[k]/|/tmp/buil[d]|issue [#]\d*")
LEAK_IN_TEXT = re.compile(r"(?i)\bthis (sessio[n]|workplac[e])\b")
NOT_CODE = re.compile(r'R"(?P<d>[^\s()]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])+\''
                      r"|//[^\n]*|/\*.*?\*/", re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def code_of(text):
    """The text with comments and strings blanked out; lines keep their numbers."""
    return NOT_CODE.sub(lambda m: '""' + "\n" * m.group().count("\n"), text)


def may_have_macros(path, line):
    highway = fnmatch.fnmatch(path, "kernels/cpu/simd_*") or path.endswith("-inl.h")
    return highway or (path.startswith("tests/support/") and re.match(r"\s*#\s*define BOOST_", line))


def check_code(path, text, report):
    code = code_of(text)
    for rule, pattern, holds in LINE_RULES:
        if not holds(path):
            continue
        for number, line in enumerate(code.split("\n"), 1):
            if re.search(pattern, line) and not (rule == "macro" and may_have_macros(path, line)):
                report(rule, path, number, line.strip())
    if path.endswith((".h", ".cuh")) and not path.endswith("-inl.h") and "#pragma once" not in code:
        report("pragma", path, 1, "no #pragma once")


def check_includes(path, text, report):
    own = path.split("/")[0]
    if own not in FLOORS:
        return
    for match in INCLUDE.finditer(text):
        number, quoted, header = text.count("\n", 0, match.start(2)) + 1, match.group(1) == '"', match.group(2)
        floor = header.split("/")[0]
        for pattern, allowed in FOREIGN:
            if re.match(pattern, header) and not path.startswith(allowed):
                report("foreign", path, number, header)
        if floor in FLOORS and FLOORS.index(floor) > FLOORS.index(own):
            report("floors", path, number, f"{own} includes {header}")
        elif quoted and floor not in FLOORS + ["hwy"] and not header.endswith(".pb.h"):
            report("floors", path, number, f"{header} is not a path from the root into a floor")


def check_text(path, text, report):
    lines = text.split("\n")
    is_source = Path(path).suffix in SOURCES or path == ".ci/run" or path.endswith("CMakeLists.txt")
    if is_source and text.count("\n") > MAX_LINES:
        report("length", path, MAX_LINES, f"{text.count(chr(10))} lines")
    opening = next((line for line in lines if line.strip() and not line.startswith("#!")), "")
    marks = ("//", "/*") if Path(path).suffix in CPP | {".proto"} else ("#", '"""')
    # A .cpp that begins with its own header says no more than that header's comment.
    has_header = path.endswith(".cpp") and opening == f'#include "{path[:-4]}.h"'
    if is_source and "cmake" not in path.lower() and not opening.startswith(marks) and not has_header:
        report("comment", path, 1, "no comment at the top")
    is_prose = path in ("README.md", "CHANGELOG.md") or fnmatch.fnmatch(path, "docs/*.md")
    for number, line in enumerate(lines, 1):
        if LEAK.search(line) or (is_prose and LEAK_IN_TEXT.search(line)):
            report("leak", path, number, line.strip())


def formatter():
    """The name of clang-format 14, or None; other versions would argue about details."""
    for tool in filter(shutil.which, ("clang-format-14", "clang-format")):
        if "version 14." in subprocess.run([tool, "--version"], capture_output=True, text=True).stdout:
            return tool
    print("style: clang-format 14 is not installed, so formatting is NOT checked")
    return None


def check_format(root, paths, report):
    tool = formatter() if paths else None
    if tool is None:
        return
    run = subprocess.run([tool, "--dry-run", "-Werror", *paths], cwd=root, capture_output=True, text=True)
    worst = {}
    for path, number in re.findall(r"^(\S+?):(\d+):\d+: error:", run.stderr, re.M):
        worst.setdefault(path, int(number))  # the first place of each file is enough
    for path, number in worst.items():
        report("format", path, number, "clang-format would change this file from here on")
    if run.returncode != 0 and not worst:
        report("format", ".", 1, run.stderr.strip())


def files_of(root):
    """Paths of the project's files: what git tracks, or without a checkout all that .gitignore does not name."""
    if (root / ".git").exists() and shutil.which("git"):
        run = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True)
        if run.returncode == 0:
            return sorted(path for path in run.stdout.split("\0") if (root / path).is_file())
    file = root / ".gitignore"
    lines = file.read_text().split("\n") if file.exists() else []
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")] + ["__pycache__"]

    def is_ignored(parts):  # a pattern with a slash before it is of the top level alone
        return any(fnmatch.fnmatch(part, pattern.strip("/")) for pattern in patterns
                   for part in (parts[:1] if pattern.startswith("/") else parts))

    paths = [p.relative_to(root) for p in root.rglob("*") if p.is_file()]
    return sorted(p.as_posix() for p in paths if not is_ignored(p.parts))


def check(root):
    """All findings as (rule, path, line, what)."""
    findings = []

    def report(rule, path, number, what):
        findings.append((rule, path, number, what))

    paths = files_of(root)
    for entry in sorted({path.split("/")[0] for path in paths}):
        if entry not in TOP_LEVEL and not entry.startswith("."):
            report("top", entry, 1, "not one of the agreed entries")
    for folder in [""] + FOLDERS:
        if not (root / folder / "README.md").is_file():
            report("readme", f"{folder}/README.md".lstrip("/"), 1, "missing")
    paths = [path for path in paths if path.split("/")[0] in TOP_LEVEL | {".ci"}]
    formatted = []
    for path in paths:
        file = root / path
        if file.suffix in SOURCES | {".md", ".txt", ".pbtxt"} or path == ".ci/run":
            text = file.read_text(encoding="utf-8")
            check_text(path, text, report)
            if file.suffix in CPP:
                check_code(path, text, report)
                check_includes(path, text, report)
                formatted.append(path)
    check_format(root, formatted, report)
    return findings, len(paths)


def main():
    if "--self-test" in sys.argv:
        import planted
        return planted.run(check, REASONS)
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2]).resolve()
    findings, count = check(root)
    for rule, path, number, what in findings:
        print(f"{path}:{number}: {rule}: {what}")
    for rule in sorted({f[0] for f in findings}):
        print(f"  {rule}: {REASONS[rule]}")
    print(f"style: {count} files, {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
