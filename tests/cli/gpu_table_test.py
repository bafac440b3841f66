#!/usr/bin/env python3
"""What launch/test-gpu.sh makes of a run, without a GPU: the table from made-up logs, and the script itself with stand-ins for
the programs it starts. The figures are invented; each goal is met just so, or missed by a little."""
import json
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

CHORALE = ""
LAUNCH = pathlib.Path(__file__).resolve().parents[2] / "launch"


def bench(what, ms, rate=0, unit="GB/s", roof=0, **more):
    return {"what": what, "ms": ms, "rate": rate, "unit": unit, **({"roof": "rows", "roof_rate": roof} if roof else {}), **more}


def good_bench():
    lines = []
    for graph in ("/b/data/gowalla", "4 M nodes"):
        lines += [bench(f"spmm, {graph}, own", 2, 70, roof=100), bench(f"spmm, {graph}, cuSPARSE ALG1", 9),
                  bench(f"spmm, {graph}, cuSPARSE ALG2", 3), bench(f"spmm, {graph}, own in bf16", 1.3),
                  bench(f"spmm, {graph}, own in bf16 to bf16", 1.2), bench(f"spmm, {graph}, operand to bf16", 0.1)]
    lines += [bench("gather_rows, 4 M of 4 M rows", 1, 80, roof=100), bench("evaluator, all users of /b/data/gowalla", 19),
              bench("top 20, all users and items of Gowalla", 4, 30, "TFLOP/s", 60),
              bench("InfoNCE of 65536 rows, both", 5.9, 1, "Texp/s", 4, workspace=64_000_000),
              bench("InfoNCE of 65536 rows in bf16, both", 1, 1, "Texp/s", 4, workspace=1),
              bench("InfoNCE of 1048576 rows, both", 900, 2, "Texp/s", 4)]
    return lines


PEERS = [{"what": "LightGCN epoch, PyTorch Geometric, edges", "s": 9.0}, {"what": "LightGCN epoch, PyTorch Geometric, sparse", "s": 3.2},
         {"what": "InfoNCE of 65536 rows, torch", "ms": 80.0}, {"what": "InfoNCE of 65536 rows, torch.compile", "ms": 62.0}]
STEPS = ["kernels", "contracts", "messages", "sanitizer", "bench", "lightgcn-1", "lightgcn-2", "peer-lightgcn-1", "peer-infonce-1", "graph-off",
         "fast", "mmhcl", "alone", "two-ranks"]


def log_of(seconds):
    """Of a training whose first epoch is slow."""
    return "".join(f"[12:00:0{n}.000] [info] r0 epoch {n}/9  loss 0.5  {s:.2f} s\n" for n, s in enumerate([7.0, *seconds], 1))


class GpuTable(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="chorale-gpu-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def steps(self, **other):
        status = {name: other.get(name.replace("-", "_"), "passed") for name in STEPS}
        (self.folder / "steps.tsv").write_text("".join(f"{name}\t{s}\t1.5\t23:59:58.500\n" for name, s in status.items()))

    def lines(self, name, objects):
        (self.folder / name).write_text("".join(json.dumps(o) + "\n" for o in objects))

    def digest(self, step, digest, state="finished"):
        (self.folder / step).mkdir(exist_ok=True)
        (self.folder / step / "run_state.json").write_text(json.dumps({"state": state, "digest": digest}))

    def good_run(self):
        self.steps()
        self.lines("bench.jsonl", good_bench())
        self.lines("peer-all.jsonl", PEERS)
        for step, seconds in (("lightgcn-1", [0.3, 0.3]), ("lightgcn-2", [0.3]), ("graph-off", [0.4]), ("mmhcl", [1.5])):
            (self.folder / f"{step}.log").write_text(log_of(seconds))
        self.recall("0.18601", at="00:00:08.400")
        self.scale("1", 900, 104_900)
        for step in ("alone", "two-ranks"):
            self.digest(step, "a" * 32)
        for step in ("lightgcn-1", "graph-off"):
            self.digest(step, "b" * 32)

    def scale(self, part, seconds, mebibytes):
        (self.folder / "scale.part").write_text(part + "\n")
        (self.folder / "scale.log").write_text(f"[12:00:00.000] [info] r0 epoch 1/1  loss 0.6  {seconds:.2f} s\n"
                                               f"[12:00:01.000] [info] r0 memory of all ranks at most: device {mebibytes} MiB, resident 9 MiB\n")

    def recall(self, value, at):
        (self.folder / "fast.log").write_text(f"[{at}] [info] r0 epoch 8  test        recall@20 {value}  ndcg@20 0.15000\n")

    def table(self):
        """Exit code and {what: the whole row}."""
        done = subprocess.run([sys.executable, "-B", LAUNCH / "gpu_table.py", self.folder], capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        rows = done.stdout.splitlines()
        return done.returncode, {row.split("  ")[0]: row for row in rows}, rows[-1]

    def test_a_good_run_meets_every_goal(self):
        self.good_run()
        code, rows, last = self.table()
        self.assertEqual((code, last), (0, "24 met, 0 missed or failed, 0 not measured"))
        for what, said in (("SpMM fp32, Gowalla: cuSPARSE / own", "1.5 x"), ("SpMM bf16, Gowalla: cuSPARSE fp32 / own", "2.5 x"),
                           ("SpMM fp32, 4 M nodes: of the gather roof", "70 GB/s, 70 % of rows at 100"),
                           ("LightGCN epoch, Gowalla, B=2048, K=3", "met, not the aim"), ("LightGCN epoch: PyTorch Geometric / own", "10.67 x"),
                           ("start to Recall@20 >= 0.186, Gowalla", "9.9 s"), ("InfoNCE 65,536 x 64: torch / own", "torch 62 ms"),
                           ("InfoNCE 1,048,576 x 64", "runs"), ("LightGCN, 60 M nodes, 10^9 interactions: epoch", "15 min"), ("step graph on and off", "0.3 s and 0.4 s an epoch")):
            self.assertIn(said, rows[what])

    def test_each_goal_can_be_missed(self):
        def slower(what, **change):
            return lambda: self.lines("bench.jsonl", [{**b, **(change if b["what"] == what else {})} for b in good_bench()])

        def slow_log(step, seconds):
            return lambda: (self.folder / f"{step}.log").write_text(log_of([seconds] * 9))

        faults = {
            "SpMM fp32, Gowalla: cuSPARSE / own": slower("spmm, /b/data/gowalla, cuSPARSE ALG2", ms=2.9),
            "SpMM fp32, 4 M nodes: of the gather roof": slower("spmm, 4 M nodes, own", rate=69),
            "gather of 256-byte rows beyond L2: of copying": slower("gather_rows, 4 M of 4 M rows", rate=79),
            "InfoNCE 65,536 x 64, forward and backward": slower("InfoNCE of 65536 rows, both", ms=6.1),
            "InfoNCE 65,536 x 64, workspace": slower("InfoNCE of 65536 rows, both", workspace=64_200_000),
            "InfoNCE 65,536 x 64: torch / own": lambda: self.lines("peer-more.jsonl", [{"what": "InfoNCE of 65536 rows, torch", "ms": 58.0}]),
            "LightGCN epoch, Gowalla, B=2048, K=3": slow_log("lightgcn-2", 0.31),
            "LightGCN epoch: PyTorch Geometric / own": lambda: self.lines(
                "peer-all.jsonl", [*PEERS, {"what": "LightGCN epoch, PyTorch Geometric, sparse", "s": 2.9}]),
            "start to Recall@20 >= 0.186, Gowalla": lambda: self.recall("0.18599", "00:00:01.000"),
            "MMHCL epoch at Clothing's size": slow_log("mmhcl", 1.51),
            "full ranking and metrics, Gowalla, all users": slower("evaluator, all users of /b/data/gowalla", ms=20.1),
            "LightGCN, 60 M nodes, 10^9 interactions: device memory": lambda: self.scale("1", 900, 104_910),
            "1 rank and 2 ranks on one GPU": lambda: self.digest("two-ranks", "c" * 32),
            "step graph on and off": lambda: self.digest("graph-off", "c" * 32),
        }
        for what, fault in faults.items():
            with self.subTest(what):
                self.good_run()
                fault()
                code, rows, last = self.table()
                (self.folder / "peer-more.jsonl").unlink(missing_ok=True)
                self.assertEqual(code, 1)
                self.assertIn("MISSED", rows[what])
                self.assertIn(" 1 missed or failed", last)

    def test_a_recall_that_comes_too_late_is_missed(self):
        self.good_run()
        self.recall("0.19000", at="00:00:08.600")
        code, rows, _ = self.table()
        self.assertEqual(code, 1)
        self.assertRegex(rows["start to Recall@20 >= 0.186, Gowalla"], r"10.1 s .*MISSED")

    def test_a_part_of_the_largest_graph_is_told_and_not_judged(self):
        self.good_run()
        self.scale("20", 2, 5_000)
        code, rows, last = self.table()
        self.assertEqual((code, last), (0, "22 met, 0 missed or failed, 1 not measured"))
        self.assertIn("1/20 of it: 2.00 s an epoch, 5000 MiB", rows["LightGCN, 60 M nodes, 10^9 interactions"])

    def test_an_empty_folder_measures_nothing_and_misses_nothing(self):
        code, _, last = self.table()
        self.assertEqual((code, last), (0, "0 met, 0 missed or failed, 23 not measured"))

    def test_what_was_skipped_is_not_measured_and_says_why(self):
        self.good_run()
        self.steps(peer_lightgcn_1="skipped: No module named 'torch'", peer_infonce_1="skipped: No module named 'torch'",
                   sanitizer="skipped: no compute-sanitizer")
        (self.folder / "peer-all.jsonl").unlink()
        code, rows, last = self.table()
        self.assertEqual((code, last), (0, "21 met, 0 missed or failed, 3 not measured"))
        self.assertIn("not measured: peer-lightgcn-1 skipped: No module named 'torch'", rows["LightGCN epoch: PyTorch Geometric / own"])
        self.assertIn("not measured: peer-infonce-1 skipped", rows["InfoNCE 65,536 x 64: torch / own"])
        self.assertIn("not measured: skipped: no compute-sanitizer", rows["kernels under compute-sanitizer"])

    def test_a_failed_step_is_told_and_what_it_left_is_still_judged(self):
        self.good_run()
        self.steps(bench="FAILED: killed, as after its 120 s", contracts="FAILED: exit code 201", peer_infonce_1="FAILED: exit code 1")
        whole = (self.folder / "bench.jsonl").read_text()
        (self.folder / "bench.jsonl").write_text(whole[:whole.index("gather_rows") + 5])  # the last line is cut off
        code, rows, last = self.table()
        self.assertEqual(code, 1)
        self.assertIn(" 2 missed or failed", last)
        self.assertIn("FAILED: exit code 201", rows["contracts of every model on the GPU"])
        self.assertIn("peer failed", rows["step peer-infonce-1"])
        self.assertIn("met", rows["SpMM fp32, 4 M nodes: cuSPARSE / own"])
        self.assertIn("not measured: bench FAILED: killed", rows["gather of 256-byte rows beyond L2: of copying"])

    def test_a_training_that_did_not_finish_has_no_digest(self):
        self.good_run()
        self.digest("two-ranks", "a" * 32, state="stopped")
        code, rows, _ = self.table()
        self.assertEqual(code, 0)
        self.assertIn("not measured", rows["1 rank and 2 ranks on one GPU"])


# Stands for a bundle's start.sh: does what it is told to do by the name of the program and of the run.
START = r"""#!/usr/bin/env bash
mode=$1; shift
case $mode in check) exit 0 ;; ranks) shift ;; esac
printf '%q ' "$@" >> "$CALLS"; echo >> "$CALLS"
case "$*" in
  gpu_bench*) cp "$BENCH" "$3" ;;
  gpu_mpi_test) echo 'skipped: no GPU' ;;
  'gpu_test --run_test=!kernels') echo 'a contract is broken'; exit 3 ;;
  *compute-sanitizer*) echo '========= Device not supported'; exit 1 ;;
  chorale\ train*)
    for out; do :; done  # the last argument
    mkdir "$out"; echo '{"state": "finished", "digest": "0123456789abcdef"}' > "$out/run_state.json"
    for n in 1 2 3; do echo "[12:00:0$n.000] [info] r0 epoch $n/3  loss 0.5  0.21 s"; done
    echo "[$(date +%H:%M:%S.%3N)] [info] r0 epoch 3  test        recall@20 0.18700  ndcg@20 0.15000" ;;
esac
"""
# The script's own python3: peers are not there, the table is made.
PYTHON = """#!/usr/bin/env bash
case "$*" in */peers/*) echo "skipped: No module named 'torch'"; exit 77 ;; esac
exec {python} "$@"
"""


class TestGpu(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="chorale-gpu-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.bundle, self.tools = self.folder / "a bundle", self.folder / "tools"
        for folder in (self.bundle / "data" / "gowalla", self.bundle / "data" / "gowalla-text", self.tools):
            folder.mkdir(parents=True)
        (self.bundle / "data" / "gowalla-text" / "train.txt").write_text("0 1 2\n")
        for script in ("test-gpu.sh", "gpu_table.py"):
            shutil.copy(LAUNCH / script, self.bundle)
        (self.bundle / "start.sh").write_text(START)  # without the right to execute
        (self.folder / "bench.jsonl").write_text("".join(json.dumps(b) + "\n" for b in good_bench()))
        self.tool("nvidia-smi", "#!/bin/sh\necho 'GPU 0: a stand-in'\n")
        self.tool("python3", PYTHON.format(python=sys.executable))
        self.tool("compute-sanitizer", "#!/bin/sh\n")

    def tool(self, name, text):
        (self.tools / name).write_text(text)
        (self.tools / name).chmod(0o755)

    def run_it(self, **environment):
        environment = {"PATH": f"{self.tools}:/usr/bin:/bin", "CALLS": str(self.folder / "calls"), "BENCH": str(self.folder / "bench.jsonl"),
                       **environment}
        done = subprocess.run(["bash", self.bundle / "test-gpu.sh", self.folder / "out"], capture_output=True, text=True, env=environment)
        self.assertEqual(done.stderr, "")
        calls = self.folder / "calls"
        return done.returncode, done.stdout, calls.read_text() if calls.exists() else ""

    def test_a_step_that_fails_does_not_stop_the_others_and_the_table_comes_last(self):
        code, said, calls = self.run_it()
        self.assertEqual(code, 1)  # the contracts, and messages
        self.assertIn("a contract is broken", said)
        self.assertRegex(said, r"contracts of every model on the GPU +FAILED: exit code 3 ")
        self.assertRegex(said, r"messages between two ranks +FAILED: it found no GPU ")
        self.assertRegex(said, r"kernels under compute-sanitizer .* not measured: skipped: it cannot reach this GPU")
        self.assertRegex(said, r"1 rank and 2 ranks on one GPU +01234567 +equal digests +met")
        self.assertRegex(said, r"LightGCN epoch, Gowalla, B=2048, K=3 +0.21 s .* met, not the aim")
        self.assertRegex(said, r"start to Recall@20 >= 0.186, Gowalla .* met, and the aim")
        self.assertRegex(said, r"LightGCN epoch: PyTorch Geometric / own .* not measured: peer-lightgcn-1 skipped: No module named 'torch'")
        self.assertRegex(said.splitlines()[-1], r"^\d+ met, 2 missed or failed, \d+ not measured$")
        trainings = [call for call in calls.splitlines() if call.startswith("chorale train")]
        self.assertEqual(len(trainings), 8)
        for call in trainings:
            self.assertIn("--set device=CUDA", call)
        self.assertEqual(sum("run.step_graph=false" in call for call in trainings), 1)

    def test_the_program_accepts_the_trainings_that_are_started(self):
        source, data = self.folder / "source", self.folder / "prepared"
        features = [f"--features={name}={source}/item_features.npy" for name in ("image", "text")]
        for command in (["generate", "planted", "--out", source, "--users", "200", "--items", "90", "--features", "8"],
                        ["prepare", source, "--out", data, *features]):
            subprocess.run([CHORALE, *command], check=True, capture_output=True)
        shutil.copytree(LAUNCH.parent / "configs", self.bundle / "configs")
        _, _, calls = self.run_it()
        for call in calls.splitlines():
            _, command, *rest = shlex.split(call) if call.startswith("chorale ") else ("", "", "")
            if command == "train":
                rest = [f"data.prepared={data}" if word.startswith("data.prepared=") else word for word in rest]
                done = subprocess.run([CHORALE, "train", *rest, "--dry-run"], capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, call + done.stderr)

    def test_the_figures_of_an_earlier_run_are_not_taken(self):
        self.run_it()
        code, said, _ = self.run_it(TEST_GPU_SECONDS="0")
        self.assertEqual(code, 0)
        self.assertRegex(said, r"bench +0 s  skipped: no time left")
        self.assertRegex(said.splitlines()[-1], r"^0 met, 0 missed or failed, \d+ not measured$")

    def test_without_data_the_rest_is_done(self):
        shutil.rmtree(self.bundle / "data")
        _, said, calls = self.run_it()
        self.assertRegex(said, r"LightGCN epoch, Gowalla, B=2048, K=3 .* not measured: lightgcn-1 skipped: no data/gowalla")
        self.assertRegex(said, r"MMHCL epoch at Clothing's size +0.21 s")
        self.assertEqual(sum(call.startswith("chorale train") for call in calls.splitlines()), 2)

    def test_without_a_gpu_it_says_so_and_does_nothing(self):
        self.tool("nvidia-smi", "#!/bin/sh\nexit 9\n")
        self.assertEqual(self.run_it(), (0, "test-gpu: skipped: there is no GPU on this host\n", ""))


if __name__ == "__main__":
    CHORALE = str(pathlib.Path(sys.argv.pop(1)).resolve())
    unittest.main(verbosity=2)
