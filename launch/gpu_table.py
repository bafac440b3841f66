#!/usr/bin/env python3
"""gpu_table.py OUT: judges what test-gpu.sh left in the folder OUT against what must be shown, and prints one table.

Every figure is read from this run alone: steps.tsv (name, status, seconds, clock time of the start), the logs and run folders
of trainings, bench.jsonl of gpu_bench, and peer-*.jsonl of tests/bench/peers. What is not there is "not measured", with the
reason. The exit code is 1 if a step failed or something that must be is missed. Standard library only."""
import json
import pathlib
import re
import statistics
import sys

HEAD = ("what", "measured", "must", "aim", "verdict", "beside")
CHECKS = {"kernels": "kernels against the reference", "contracts": "contracts of every model on the GPU",
          "messages": "messages between two ranks", "sanitizer": "kernels under compute-sanitizer"}
RECALL = 0.186  # at 20, on the test split of Gowalla


class Run:
    """The files of one run of test-gpu.sh; what is missing or cut off reads as empty."""

    def __init__(self, out):
        self.out = pathlib.Path(out)
        self.steps = {}
        for line in self.text("steps.tsv").splitlines():
            name, status, seconds, started = (line.split("\t") + [""] * 4)[:4]
            self.steps[name] = {"status": status, "seconds": float(seconds or 0), "started": started}
        self.bench = self.objects("bench.jsonl")
        self.peers = [line for file in sorted(self.out.glob("peer-*.jsonl")) for line in self.objects(file.name)]

    def text(self, name):
        file = self.out / name
        return file.read_text(errors="replace") if file.is_file() else ""

    def objects(self, name):
        found = []
        for line in self.text(name).splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:  # the last line of a program that was killed
                pass
        return [line for line in found if isinstance(line, dict) and "what" in line]

    def line(self, pattern):
        """The last line of the bench whose name matches as a whole."""
        return next((b for b in reversed(self.bench) if re.fullmatch(pattern, b["what"])), None)

    def best_ms(self, lines, pattern):
        return min((line["ms"] for line in lines if re.fullmatch(pattern, line["what"])), default=None)

    def epochs(self, step):
        """Seconds of each epoch but the first, which warms."""
        return [float(s) for n, s in re.findall(r"epoch (\d+)/\d+  .*?([\d.]+) s$", self.text(step + ".log"), re.M) if n != "1"]

    def digest(self, step):
        try:
            state = json.loads(self.text(f"{step}/run_state.json"))
        except ValueError:
            return None
        return state.get("digest") if state.get("state") == "finished" else None

    def why_not(self, *names):
        """Why a figure of these steps is missing."""
        for name in names:
            status = self.steps.get(name, {}).get("status", "was not run")
            if status != "passed":
                return f"{name} {status}"
        return "no such line in the logs"


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, measured, must, aim, verdict, beside=""):
        self.rows.append((what, measured, must, aim, verdict, beside))

    def goal(self, what, value, unit, must=None, aim=None, least=False, beside="", why=""):
        """A figure that must be at most `must` (or at least, with `least`)."""
        sign = ">=" if least else "<="
        wanted = [f"{sign} {limit:g} {unit}" if limit is not None else "" for limit in (must, aim)]
        if value is None:
            self.add(what, "-", *wanted, f"not measured: {why}", beside)
            return
        self.add(what, f"{value:.4g} {unit}" if abs(value) < 1000 else f"{value:.0f} {unit}", *wanted,
                 judged(value, must, aim, least), beside)

    def count(self, *verdicts):
        return sum(row[4].startswith(verdicts) for row in self.rows)

    def print(self):
        widths = [max(len(row[c]) for row in [HEAD, *self.rows]) for c in range(len(HEAD))]
        for row in [HEAD, tuple("-" * w for w in widths), *self.rows]:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def judged(value, must, aim, least):
    def reaches(limit):
        return value >= limit if least else value <= limit

    if must is not None and not reaches(must):
        return "MISSED"
    if aim is None:
        return "met"
    if must is None:
        return "aim met" if reaches(aim) else "aim not met"
    return "met, and the aim" if reaches(aim) else "met, not the aim"


def ratio(peer, own):
    return peer / own if peer and own else None


def roof_of(line):
    if not line or not line.get("roof_rate"):
        return ""
    share = 100 * line["rate"] / line["roof_rate"]
    return f"{line['rate']:.4g} {line['unit']}, {share:.0f} % of {line['roof']} at {line['roof_rate']:.4g}"


def share_of_roof(line):
    return 100 * line["rate"] / line["roof_rate"] if line and line.get("roof_rate") else None


def products(run, table):
    """The sparse product, beside cuSPARSE and the gather roof."""
    why = run.why_not("bench")
    real = run.line(r"spmm, .*/gowalla, own")
    for title, graph in (("Gowalla", r".*/gowalla" if real else "Gowalla's size"), ("4 M nodes", "4 M nodes")):
        own = run.line(f"spmm, {graph}, own")
        library = run.best_ms(run.bench, f"spmm, {graph}, cuSPARSE ALG\\d")
        beside = f"{own['ms']:.4g} ms, cuSPARSE {library:.4g} ms" if own and library else ""
        table.goal(f"SpMM fp32, {title}: cuSPARSE / own", ratio(library, own and own["ms"]), "x", 1.5, least=True, beside=beside, why=why)
        table.goal(f"SpMM fp32, {title}: of the gather roof", share_of_roof(own), "%", 70, least=True, beside=roof_of(own), why=why)
        half = run.best_ms(run.bench, f"spmm, {graph}, own in bf16( to bf16)?")
        table.goal(f"SpMM bf16, {title}: cuSPARSE fp32 / own", ratio(library, half), "x", None, 2.5, least=True, why=why)
    gather = run.line(r"gather_rows, .*")
    table.goal("gather of 256-byte rows beyond L2: of copying", share_of_roof(gather), "%", 80, least=True, beside=roof_of(gather), why=why)


def contrast(run, table):
    both = run.line(r"InfoNCE of 65536 rows, both")
    why = run.why_not("bench")
    table.goal("InfoNCE 65,536 x 64, forward and backward", both and both["ms"], "ms", 6, beside=roof_of(both), why=why)
    space = both["workspace"] / 1e6 if both and "workspace" in both else None
    table.goal("InfoNCE 65,536 x 64, workspace", space, "MB", 64, why=why)
    torch = run.best_ms(run.peers, r"InfoNCE of 65536 rows, torch.*")
    table.goal("InfoNCE 65,536 x 64: torch / own", ratio(torch, both and both["ms"]), "x", 10, least=True,
               beside=f"torch {torch:.4g} ms" if torch else "", why=why if not both else run.why_not("peer-infonce-1"))
    large = run.line(r"InfoNCE of 1048576 rows, both")
    if large:
        table.add("InfoNCE 1,048,576 x 64", f"{large['ms']:.0f} ms", "", "runs", "aim met", roof_of(large))
    else:
        table.add("InfoNCE 1,048,576 x 64", "-", "", "runs", f"not measured: {why}")


def epochs(run, table):
    """LightGCN and MMHCL, and the time to a good recall."""
    ours = run.epochs("lightgcn-1") + run.epochs("lightgcn-2")
    own = statistics.median(ours) if ours else None
    why = run.why_not("lightgcn-1", "lightgcn-2")
    table.goal("LightGCN epoch, Gowalla, B=2048, K=3", own, "s", 0.3, 0.15, beside=f"median of {len(ours)}" if ours else "", why=why)
    peer = min((p["s"] for p in run.peers if p["what"].startswith("LightGCN epoch, PyTorch Geometric")), default=None)
    table.goal("LightGCN epoch: PyTorch Geometric / own", ratio(peer, own), "x", 10, least=True,
               beside=f"PyTorch Geometric {peer:.4g} s" if peer else "", why=why if not own else run.why_not("peer-lightgcn-1"))
    recall, seconds = time_to_recall(run)
    beside = f"Recall@20 {recall:.5f}" if recall is not None else ""
    if recall is not None and recall < RECALL:
        table.add(f"start to Recall@20 >= {RECALL}, Gowalla", "never", "<= 10 s", "<= 2 s", "MISSED", beside)
    else:
        table.goal(f"start to Recall@20 >= {RECALL}, Gowalla", seconds, "s", 10, 2, beside=beside, why=run.why_not("fast"))
    mmhcl = run.epochs("mmhcl")
    table.goal("MMHCL epoch at Clothing's size", statistics.median(mmhcl) if mmhcl else None, "s", 1.5, 0.8,
               beside="with 12 % more interactions; published: 80.2 s on an RTX 3090", why=run.why_not("mmhcl-data", "mmhcl"))


def clock(text):
    hours, minutes, seconds = text.split(":")
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)


def time_to_recall(run):
    """Recall@20 and seconds since the process was started when it was measured: the first that is enough, or the last."""
    started = run.steps.get("fast", {}).get("started")
    found = re.findall(r"^\[([\d:.]+)\].* epoch \d+  test +recall@20 ([\d.]+)", run.text("fast.log"), re.M)
    if not started or not found:
        return None, None
    at, recall = next((f for f in found if float(f[1]) >= RECALL), found[-1])
    return float(recall), (clock(at) - clock(started)) % 86400


def ranking(run, table):
    line = run.line(r"evaluator, all users of .*")
    kernel = run.line(r"top 20, all users .*")
    torch = run.best_ms(run.peers, r"top 20, torch.*")
    beside = [f"kernels {kernel['ms']:.4g} ms: {roof_of(kernel)}"] if kernel else []
    beside += [f"torch {torch:.4g} ms"] if torch else []
    table.goal("full ranking and metrics, Gowalla, all users", line and line["ms"], "ms", 20, 5, beside="; ".join(beside), why=run.why_not("bench"))


def scale(run, table):
    """A part of 60 M nodes and 10^9 interactions: an epoch, and what it takes of the GPU."""
    log, part = run.text("scale.log"), run.text("scale.part").strip()
    seconds = re.search(r"epoch 1/1  .*?([\d.]+) s$", log, re.M)
    taken = re.search(r"at most: device ([\d.]+) MiB", log)
    what = "LightGCN, 60 M nodes, 10^9 interactions"
    if part != "1":
        beside = f"1/{part or '?'} of it: {seconds[1]} s an epoch, {taken[1]} MiB of device memory" if seconds and taken else ""
        table.add(what, "-", "<= 110 GB", "<= 15 min", "not measured: test-gpu.sh OUT 1 does", beside)
        return
    why = run.why_not("scale-data", "scale")
    table.goal(what + ": device memory", float(taken[1]) * 2**20 / 1e9 if taken else None, "GB", 110, why=why)
    table.goal(what + ": epoch", float(seconds[1]) / 60 if seconds else None, "min", None, 15, why=why)


def equal_bits(run, table):
    pairs = {"1 rank and 2 ranks on one GPU": ("alone", "two-ranks"), "step graph on and off": ("lightgcn-1", "graph-off")}
    for what, steps in pairs.items():
        digests = [run.digest(s) for s in steps]
        if None in digests:
            table.add(what, "-", "equal digests", "", f"not measured: {run.why_not(*steps)}")
        else:
            equal = digests[0] == digests[1]
            times = [run.epochs(s) for s in steps]
            beside = " and ".join(f"{statistics.median(t):.3g} s" for t in times) + " an epoch" if all(times) else ""
            table.add(what, digests[0][:8] if equal else f"{digests[0][:8]}, {digests[1][:8]}", "equal digests", "",
                      "met" if equal else "MISSED", beside)


def checks(run, table):
    for step, what in CHECKS.items():
        found = run.steps.get(step, {"status": "was not run", "seconds": 0})
        status, spent = found["status"], f"{found['seconds']:.0f} s"
        failed = status.startswith("FAILED")
        verdict = "met" if status == "passed" else status if failed else f"not measured: {status}"
        table.add(what, status, "passed", "", verdict, spent)
    for step, found in run.steps.items():
        if step not in CHECKS and found["status"].startswith("FAILED"):
            ours = not step.startswith("peer-")
            table.add(f"step {step}", found["status"], "passed" if ours else "", "", "FAILED" if ours else "peer failed",
                      f"{found['seconds']:.0f} s")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    run, table = Run(sys.argv[1]), Table()
    for judge in (checks, equal_bits, products, contrast, epochs, ranking, scale):
        judge(run, table)
    table.print()
    bad = table.count("MISSED", "FAILED")
    print(f"{table.count('met', 'aim met')} met, {bad} missed or failed, {table.count('not measured')} not measured")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
