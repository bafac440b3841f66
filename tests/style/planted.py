"""Planted violations: the smallest tree that is clean, and for every rule of check.py files that break it
alone. Each must be reported, and near misses (legitimate code that looks alike) must not."""
import shutil
import subprocess
import tempfile
from pathlib import Path

from check import FOLDERS, formatter

H = "// What it is for.\n#pragma once\n"
C = "// What it is for.\n"

CLEAN = {f"{folder}/README.md": "# Folder\n" for folder in FOLDERS} | {
    "README.md": "# Project\nA session of training ends here.\n",
    ".clang-format": "BasedOnStyle: Google\nColumnLimit: 100\n",
    ".gitignore": "/build/\n*.prep/\n",
    "build/output.txt": "ignored\n",
    "kernels/a.h": H,
    "kernels/scalar.h": H + "#ifdef X\n#define Y\n#endif\n",
    "kernels/cpu/simd_rows.cpp": C + "#undef HWY_TARGET_INCLUDE\n#if HWY_ONCE\n#endif\n",
    "comm/mpi_session.cpp": C + "#include <mpi.h>\n\n#include \"kernels/a.h\"\nvoid f() { abort(1); }\n",
    "comm/nccl_a.cpp": C + "#include <cuda_runtime.h>\n#include <nccl.h>\n",
    "trainer/main.cpp": C + "int main() { std::cout << 1; }\n",
    "trainer/config/read.cpp": C + "#include \"configs/schema/config.pb.h\"\n",
    "trainer/models/m.cpp": C + "int n = compile(b.size());  // MPI is far away\n",
    "tests/support/main.cpp": C + "#define BOOST_TEST_NO_MAIN\n#include <mpi.h>\n",
    "graph/b.cpp": C + "static_assert(1);\nauto s = \"assert( new abort( 1'000\";\nint i = 1'000; /* new X */\n"
                       "void g() { MpiSession::abort(1); }\nX(const X&) = delete;\nauto* p = new (place) X(1);\n",
}

PLANTED = [
    ("floors", "kernels/b.cpp", C + "#include \"comm/c.h\"\n"),
    ("floors", "graph/c.cpp", C + "#include \"c.h\"\n"),
    ("floors", "graph/c.cpp", C + "#include \"tests/support/c.h\"\n"),
    ("foreign", "graph/c.cpp", C + "#include <mpi.h>\n"),
    ("foreign", "kernels/device.cpp", C + "#include <cuda_runtime.h>\n"),
    ("foreign", "comm/c.cpp", C + "#include <nccl.h>\n"),
    ("foreign", "comm/c.cpp", C + "#include <cuda_runtime.h>\n"),
    ("foreign", "comm/nccl_b.cpp", C + "#include <cuda_runtime_api.h>\n"),
    ("foreign", "graph/c.cpp", C + "#include \"configs/schema/config.pb.h\"\n"),
    ("foreign", "embedding/c.cpp", C + "#include <google/protobuf/message.h>\n"),
    ("length", "launch/long.sh", "#!/bin/sh\n# Long.\n" + "true\n" * 399),
    ("comment", "configs/schema/a.proto", "syntax = \"proto3\";\n"),
    ("comment", "kernels/b.h", "#pragma once\n// Too late.\n"),
    ("comment", "launch/a.sh", "#!/bin/sh\ntrue\n"),
    ("comment", ".ci/run", "#!/bin/sh\ntrue\n"),
    ("comment", "tests/a.py", "import os\n"),
    ("pragma", "kernels/b.h", C + "// #pragma once\n"),
    ("macro", "trainer/build/b.cpp", C + "#if 1\n"),  # a name that .gitignore has at the top level alone
    ("macro", "kernels/b.cpp", C + "#if 1\n"),
    ("macro", "tests/graph/b.cpp", C + "#define BOOST_TEST_MODULE x\n"),
    ("print", "embedding/b.cpp", C + "void f() { std::cout << 1; }\n"),
    ("print", "trainer/train.cpp", C + "void f() { printf(\"x\"); }\n"),
    ("assert", "kernels/b.cpp", C + "void f() { assert(true); }\n"),
    ("new", "kernels/b.cpp", C + "auto* p = new X(1);\n"),
    ("new", "tests/comm/b.cpp", C + "auto* p = new (std::nothrow) X(1);\n"),
    ("abort", "kernels/b.cpp", C + "void f() { std::abort(); }\n"),
    ("atomics", "kernels/b.cpp", C + "std::atomic<Real> sum;\n"),
    ("atomics", "kernels/cuda/b.cu", C + "void f() { atomicAdd(p, 1.0f); }\n"),
    ("random", "tests/graph/b.cpp", C + "std::random_device d;\n"),
    ("random", "graph/c.cpp", C + "auto h = std::hash<int>()(1);\n"),
    ("random", "graph/c.cpp", C + "auto h = std::rand();\n"),
    ("ranks", "trainer/models/b.cpp", C + "int r = c.communicator().size();\n"),
    ("ranks", "trainer/losses/b.cpp", C + "int r = c.rank();\n"),
    ("ranks", "trainer/losses/b.cpp", C + "int r = MPI_Comm_rank(w);\n"),
    ("ranks", "trainer/losses/b.cpp", C + "int r = cudaStreamQuery(0);\n"),
    ("readme", "comm/README.md", None),
    ("top", "notes.txt", "Notes.\n"),
    ("format", "kernels/b.cpp", C + "int  x;\n"),
    ("leak", "docs/a.md", "See /wor" + "k/main.\n"),
    ("leak", "docs/a.md", "Found in this sessio" + "n.\n"),
    ("leak", "kernels/b.cpp", C + "// Built in /tmp/buil" + "d.\n"),
]


def plant(root, files):
    for path, text in files.items():
        if text is not None:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)


def untracked(check):
    """Failures of a checkout: a folder that somebody left is not the project's until git tracks it."""
    with tempfile.TemporaryDirectory() as folder:
        git = lambda *words: subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
        git("init")
        plant(Path(folder), CLEAN)
        git("add", ".")
        plant(Path(folder), {"runs/a.txt": "Left here.\n", "kernels/left.cpp": "int  x;\n"})
        found = check(Path(folder))[0]
        git("add", "runs")
        found_tracked = [(f[0], f[1]) for f in check(Path(folder))[0]]
    failures = [f"untracked files: found {found}"] if found else []
    return failures + ([] if found_tracked == [("top", "runs")] else [f"tracked runs/: found {found_tracked}"])


def run(check, rules):
    """0 if the clean tree is clean and every planted violation is reported, by its rule and in its file."""
    failures = [f"no violation is planted for rule {rule}" for rule in rules if rule not in {p[0] for p in PLANTED}]
    can_format = formatter() is not None
    for rule, path, text in [(None, None, None)] + [p for p in PLANTED if can_format or p[0] != "format"]:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            plant(root, CLEAN | ({path: text} if path else {}))
            found = {(f[0], f[1]) for f in check(root)[0]}
            expected = {(rule, path)} if path else set()
            if found != expected:
                failures.append(f"planted {rule} in {path}: expected {expected}, found {found}")
    failures += untracked(check) if shutil.which("git") else []
    for failure in failures:
        print(failure)
    print(f"style self-test: {len(PLANTED)} planted violations, {len(failures)} failures")
    return 1 if failures else 0
