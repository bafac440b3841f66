#!/usr/bin/env python3
"""The program as a user types it: every subcommand, under mpirun and alone, and what it says to mistakes."""
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import unittest.mock

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CHORALE = ""
TINY = str(ROOT / "configs" / "tiny" / "lightgcn.pbtxt")
MF = str(ROOT / "configs" / "tiny" / "mf.pbtxt")
NGCF = str(ROOT / "configs" / "tiny" / "ngcf.pbtxt")


def run(*arguments, ranks=0):
    """Exit code, standard output, standard error."""
    command = [CHORALE, *map(str, arguments)]
    if ranks:
        command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(ranks), *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


class Cli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="chorale-cli-"))
        cls.source, cls.data = cls.folder / "source", cls.folder / "data"
        cls.ok("generate", "planted", "--out", cls.source, "--users", 300, "--items", 120, "--communities", 6)
        cls.ok("prepare", "--format", "lightgcn", cls.source, "--out", cls.data, "--valid", 0.1)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder, ignore_errors=True)

    @classmethod
    def ok(cls, *arguments, ranks=0):
        code, out, err = run(*arguments, ranks=ranks)
        assert code == 0, f"{arguments} returned {code}:\n{out}\n{err}"
        return out

    def train(self, name, *more, ranks=0, config=TINY, code=0):
        found, out, err = run("train", config, "--set", f"data.prepared={self.data}", "--set", "train.epochs=4",
                              "--out", self.folder / name, *more, ranks=ranks)
        self.assertEqual(found, code, out + err)
        return out + err

    def digest(self, name):
        last = self.ok("ckpt", "show", "--digest", self.folder / name).splitlines()[-1]
        self.assertRegex(last, r"^digest: [0-9a-f]{32}$")
        return last

    def state(self, name):
        return json.loads((self.folder / name / "run_state.json").read_text())

    def refused(self, code, *arguments, ranks=0):
        found, out, err = run(*arguments, ranks=ranks)
        self.assertEqual(found, code, out + err)
        self.assertIn("chorale: error: ", err)
        return err

    def test_any_number_of_mpi_ranks_gives_the_same_digest_metrics_and_lists(self):
        for config in (TINY, NGCF):
            kind = pathlib.Path(config).stem
            self.train(f"{kind}-1", config=config)
            for ranks in (1, 2, 3):
                name = f"{kind}-mpi-{ranks}"
                self.train(name, ranks=ranks, config=config)
                self.assertEqual(self.digest(name), self.digest(f"{kind}-1"))
                for file in ("metrics.jsonl", "final_metrics.json"):
                    self.assertEqual((self.folder / name / file).read_text(),
                                     (self.folder / f"{kind}-1" / file).read_text())
        alone = self.ok("recommend", self.folder / "ngcf-1", "--user", "user-00007", "-k", 5)
        self.assertEqual(len(alone.splitlines()), 6)
        self.assertEqual(self.ok("recommend", self.folder / "ngcf-1", "--user", "user-00007", "-k", 5, ranks=3), alone)
        self.assertEqual(self.ok("eval", self.folder / "ngcf-1", ranks=2), self.ok("eval", self.folder / "ngcf-1"))

    def test_a_run_that_was_stopped_continues_on_other_ranks_with_the_same_bits(self):
        self.train("whole")
        self.train("parts", "--max-steps", 7, ranks=3, code=75)
        self.assertEqual(self.state("parts")["state"], "stopped")
        self.train("parts", "--max-steps", 20, code=75)
        self.train("parts", ranks=2)
        self.assertEqual(self.state("parts")["state"], "finished")
        self.assertEqual(self.state("parts")["restarts"], 2)
        self.assertEqual(self.digest("parts"), self.digest("whole"))

    def test_a_run_that_was_killed_loses_nothing_but_the_steps_since_its_checkpoint(self):
        rare = ["--set", "train.epochs=100", "--set", "checkpoint.every_epochs=0", "--set", "eval.every_epochs=0"]
        self.train("uninterrupted", *rare)
        command = [CHORALE, "train", TINY, "--set", f"data.prepared={self.data}", *rare,
                   "--set", "checkpoint.every_steps=100", "--out", str(self.folder / "killed")]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not (self.folder / "killed" / "ckpt" / "LATEST").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.train("killed", *rare, ranks=2)
        self.assertEqual(self.digest("killed"), self.digest("uninterrupted"))

    def test_a_signal_stops_all_ranks_with_a_checkpoint(self):
        command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", "2", CHORALE, "train", TINY, "--set",
                   f"data.prepared={self.data}", "--set", "train.epochs=1000000", "--set", "eval.every_epochs=0", "--out", str(self.folder / "signal")]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not (self.folder / "signal" / "ckpt" / "LATEST").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGUSR1)
        self.assertEqual(process.wait(timeout=60), 75)
        self.assertEqual(self.state("signal")["state"], "stopped")
        self.digest("signal")

    def test_a_rank_that_hangs_is_named_and_ends_the_job(self):
        command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", "3", CHORALE, "train", TINY, "--set",
                   f"data.prepared={self.data}", "--set", "train.epochs=1000000", "--set", "eval.every_epochs=0", "--set", "run.patience=2",
                   "--out", str(self.folder / "hanging")]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        deadline = time.monotonic() + 60
        while not (self.folder / "hanging" / "ckpt" / "LATEST").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(self.rank_process(process.pid, 2), signal.SIGSTOP)
        out, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 8)
        self.assertIn("not there: rank 2", out)
        self.digest("hanging")

    def rank_process(self, launcher, rank):
        children = pathlib.Path(f"/proc/{launcher}/task/{launcher}/children").read_text().split()
        name = f"OMPI_COMM_WORLD_RANK={rank}".encode()
        return next(int(p) for p in children if name in pathlib.Path(f"/proc/{p}/environ").read_bytes().split(b"\0"))

    def test_a_dry_run_prints_the_plan_and_writes_nothing(self):
        for ranks in (0, 3):
            code, out, _ = run("train", TINY, "--set", f"data.prepared={self.data}", "--out", self.folder / "dry",
                               "--dry-run", ranks=ranks)
            self.assertEqual(code, 0)
            for line in ("graph and parameters", "optimizer state", "one training step", "peaks of all ranks"):
                self.assertIn(line, out)
        # 420 rows of 8 KiB with their state, of which 1 MiB may be on the device.
        out = self.ok("train", MF, "--set", f"data.prepared={self.data}", "--set", "train.batch=8", "--set",
                      "model.mf.dim=1024", "--set", "run.table_memory=1", "--out", self.folder / "dry", "--dry-run")
        self.assertRegex(out, r"host memory for tables +3\.3\n +saved on the device +2\.3\n")
        self.assertFalse((self.folder / "dry").exists())

    def test_an_export_holds_what_scores(self):
        self.train("exported")
        out = self.folder / "export"
        self.ok("export", self.folder / "exported", "--to", out)
        self.ok("export", self.folder / "exported", "--to", self.folder / "export3", ranks=3)
        for file in ("user_emb.npy", "item_emb.npy", "user_ids.tsv", "item_ids.tsv", "manifest.json",
                     "expected_topk.tsv"):
            self.assertEqual((out / file).read_bytes(), (self.folder / "export3" / file).read_bytes())
        self.refused(2, "export", self.folder / "exported", "--to", out)

    def test_mistakes_get_their_exit_code_and_a_message_that_helps(self):
        self.train("asked")
        self.assertIn("train.batch: found 0", self.refused(2, "train", TINY, "--set", "train.batch=0", "--set",
                                                           f"data.prepared={self.data}", "--out", self.folder / "no"))
        self.assertIn("run.lanes is 2 but there are 3 ranks",
                      self.refused(2, "train", TINY, "--set", "run.lanes=2", "--set", f"data.prepared={self.data}",
                                   "--out", self.folder / "no", ranks=3))
        self.assertIn("chorale prepare", self.refused(3, "train", TINY, "--set", "data.prepared=nowhere",
                                                      "--out", self.folder / "no"))
        self.assertIn("there is no user", self.refused(2, "recommend", self.folder / "asked", "--user", "nobody"))
        self.assertIn("is already there", self.refused(2, "train", TINY, "--set", f"data.prepared={self.data}",
                                                       "--out", self.folder / "asked", "--resume", "never"))
        self.refused(5, "ckpt", "show", self.folder / "source")
        self.refused(2, "prepare", "--format", "nothing", self.source, "--out", self.folder / "no")
        self.assertFalse((self.folder / "no").exists())

    def test_a_line_that_is_no_command_is_told_what_was_found_and_what_is_near(self):
        commands = "generate, prepare, inspect, train, eval, recommend, explain, export, ckpt"
        for line, message, hint in [
                ("", f"found no command, expected one of {commands}", ""),
                ("trian x.pbtxt", f"found trian, expected one of {commands}", "the nearest is train; "),
                ("--frobnicate", "found --frobnicate, expected one of its options", ""),
                ("--out x train y", "train: found --out, expected one of its options",
                 "an option stands behind its command; "),
                ("train", "train: found no config, expected one",
                 "config: Configuration, protobuf text (docs/configuration.md); "),
                ("train x --dryrun", "train: found --dryrun, expected one of its options", "the nearest is --dry-run; "),
                ("train x --set", "train: found --set without a value, expected TEXT",
                 "--set: Change a field: --set train.epochs=5; "),
                ("train x --max-steps 5k", "train: found --max-steps 5k, expected INT",
                 "--max-steps: Stop with a checkpoint after so many steps; "),
                ("train x --out a --out b", "train: found --out 2 times, expected once",
                 "--out: Folder of the run; default out_dir/run_name of the configuration; "),
                ("train x --dry-run=maybe", "train: found --dry-run maybe, expected no value",
                 "--dry-run: Print the memory plan of every rank and exit; "),
                ("generate plantd", "generate: found plantd, expected one of planted, power-law",
                 "the nearest is planted; "),
                ("recommend x --usr 5", "recommend: found --usr, expected one of its options", "the nearest is --user; "),
                ("eval x y", "eval: found y, expected nothing more", "")]:
            command = " ".join(["chorale", *message.split(": ")[:-1]])
            self.assertEqual(self.refused(2, *line.split()),
                             f"chorale: error: {message}\n  hint: {hint}{command} --help shows all\n")

    def test_without_a_gpu_training_on_one_is_refused_and_a_run_can_be_asked_on_the_cpu(self):
        asked = ["train", TINY, "--set", f"data.prepared={self.data}", "--set", "device=CUDA"]
        with unittest.mock.patch.dict(os.environ, CUDA_VISIBLE_DEVICES=""):  # hides those that are there
            for ranks in (0, 2):
                err = self.refused(4, *asked, "--out", self.folder / "gpu", ranks=ranks)
                self.assertRegex(err, r"no GPU on host \S+: |built without CUDA")
                self.assertIn("hint: compute on the CPU (device: CPU, or --device CPU)", err)
                self.assertFalse((self.folder / "gpu").exists())
            self.assertIn("peaks of all ranks", self.ok(*asked, "--dry-run"))
            self.train("gpu")
            config = self.folder / "gpu" / "config.pbtxt"
            config.write_text(config.read_text().replace("device: CPU", "") + "device: CUDA\n")
            self.refused(4, "eval", self.folder / "gpu")
            self.assertIn("recall@10", self.ok("eval", self.folder / "gpu", "--device", "CPU"))
            self.refused(2, "eval", self.folder / "gpu", "--device", "GPU")

    def test_damage_to_a_checkpoint_is_found(self):
        self.train("damaged")
        latest = sorted((self.folder / "damaged" / "ckpt").glob("step-*"))[-1]
        lane = sorted(latest.glob("lane-*"))[3]
        content = bytearray(lane.read_bytes())
        content[len(content) // 2] ^= 1
        lane.write_bytes(content)
        self.refused(5, "ckpt", "show", "--digest", latest)
        self.refused(5, "eval", latest)

    def test_a_refused_training_leaves_the_run_as_it_was(self):
        self.train("kept")
        before = {f: (self.folder / "kept" / f).read_bytes() for f in ("config.pbtxt", "run_state.json", "metrics.jsonl")}
        for ranks in (0, 2):
            err = self.refused(5, "train", TINY, "--set", f"data.prepared={self.data}", "--set", "train.seed=8",
                               "--set", "model.lightgcn.layers=1", "--out", self.folder / "kept", ranks=ranks)
            self.assertIn("was saved with another configuration: model.lightgcn.layers: 3 in the run, 1 asked for; "
                          "train.seed: 7 in the run, 8 asked for\n  hint: continue with the values of the run", err)
        self.refused(5, "train", TINY, "--set", f"data.prepared={self.data}", "--resume", self.source, "--out",
                     self.folder / "never")
        self.assertEqual(before, {f: (self.folder / "kept" / f).read_bytes() for f in before})
        self.assertFalse((self.folder / "never").exists())

    def test_a_run_without_a_valid_checkpoint_is_not_started_anew(self):
        self.train("lost")
        shutil.rmtree(self.folder / "lost" / "ckpt")
        err = self.refused(5, "train", TINY, "--set", f"data.prepared={self.data}", "--out", self.folder / "lost")
        self.assertIn("no checkpoint there is valid", err)
        self.assertTrue((self.folder / "lost" / "metrics.jsonl").read_text())

    def test_a_run_can_start_from_a_checkpoint_named_with_a_slash(self):
        self.train("origin", "--max-steps", 5, code=75)
        step = next((self.folder / "origin" / "ckpt").glob("step-*"))
        out = self.train("branch", "--resume", f"{step}/", "--max-steps", 2, code=75)
        self.assertIn("resuming at step 5", out)
        self.assertEqual(self.state("branch")["step"], 7)
        self.train("branch", "--resume", f"{step}/")
        self.assertEqual(self.state("branch")["state"], "finished")

    def test_metrics_are_recorded_once_however_often_a_run_is_continued(self):
        sets = ["--set", "eval.every_epochs=3", "--set", "checkpoint.every_epochs=2"]
        self.train("again", *sets)
        lines = (self.folder / "again" / "metrics.jsonl").read_text()
        self.train("again", *sets)
        self.assertEqual((self.folder / "again" / "metrics.jsonl").read_text(), lines)
        self.train("again", *sets, "--set", "eval.k=7", "--set", "train.epochs=5")

    def test_data_without_test_items_can_be_trained(self):
        folder = self.folder / "untested"
        folder.mkdir()
        shutil.copy(self.source / "train.txt", folder / "train.txt")
        (folder / "test.txt").write_text("")
        self.ok("prepare", folder, "--out", self.folder / "untested.prep", "--valid", 0.2)
        self.ok("train", TINY, "--set", f"data.prepared={self.folder / 'untested.prep'}", "--set", "train.epochs=2",
                "--out", self.folder / "untested.run")
        self.assertIn("best_on_validation", (self.folder / "untested.run" / "final_metrics.json").read_text())

    def test_knowledge_features_and_hold_outs_are_prepared_and_a_model_trains_on_them(self):
        folder = self.folder / "music"
        folder.mkdir()
        ratings = [f"{u}\t{(u * 7 + k * k) % 40}\t1\n" for u in range(60) for k in range(6)] + ["3\t39\t0\n"]
        facts = [f"{i}\t{i % 3}\t{40 + i % 11}\n" for i in range(40)]
        (folder / "ratings_final.txt").write_text("".join(ratings))
        (folder / "kg_final.txt").write_text("".join(facts))
        header = "{'descr': '<f4', 'fortran_order': False, 'shape': (40, 2), }".ljust(117) + "\n"
        matrix = b"\x93NUMPY\x01\x00v\x00" + header.encode() + struct.pack("<80f", *range(80))
        (folder / "image.npy").write_bytes(matrix)
        (folder / "short.npy").write_bytes(matrix[:-4])
        prepare = ["prepare", "--format", "kgcn", folder, "--out", self.folder / "music.prep", "--test", 0.2]
        self.assertIn("knowledge: 51 entities, 3 relations, 40 facts",
                      self.ok(*prepare, "--features", f"image={folder / 'image.npy'}"))
        text = self.ok("inspect", self.folder / "music.prep")
        for line in ("knowledge: 51 entities, 11 of them no items; 3 relations, 40 facts",
                     "features image: 40 items x 2", "test: a share of 0.2 of each user's training items, seed 2024"):
            self.assertIn(line, text)
        for ranks in (0, 3):
            self.ok("train", TINY, "--set", f"data.prepared={self.folder / 'music.prep'}", "--set", "train.epochs=2",
                    "--set", "eval.every_epochs=0", "--out", self.folder / f"music-{ranks}", ranks=ranks)
        self.assertEqual(self.digest("music-0"), self.digest("music-3"))
        self.assertIn("truncated", self.refused(3, *prepare, "--force", "--features", f"x={folder / 'short.npy'}"))
        self.assertIn("NAME@user=FILE.npy", self.refused(2, *prepare, "--force", "--features", "image.npy"))
        self.assertIn("--cold-items", self.refused(2, *prepare, "--force", "--cold-items", 0.2))
        self.assertIn("51 entities", self.ok("inspect", self.folder / "music.prep"))

    def test_large_data_are_generated_as_a_prepared_folder_that_trains(self):
        data, sizes = self.folder / "power", ("--users", 500, "--items", 200, "--interactions", 8000)
        said = self.ok("generate", "power-law", *sizes, "--test-users", 50, "--out", data)
        self.assertIn("500 users, 200 items", said)
        self.assertIn("lanes: 64", self.ok("inspect", data))
        self.assertIn("exists", self.refused(2, "generate", "power-law", *sizes, "--out", data))
        self.ok("generate", "power-law", *sizes, "--test-users", 50, "--out", data, "--force")
        scale = ROOT / "configs" / "scale-lightgcn.pbtxt"
        given = ("--set", f"data.prepared={data}", "--set", "device=CPU", "--set", "train.batch=64")
        self.assertIn("one training step", self.ok("train", scale, *given, "--dry-run"))
        self.ok("train", scale, *given, "--out", self.folder / "scaled")
        self.assertEqual(self.state("scaled")["state"], "finished")

    def test_two_trainings_cannot_share_a_folder(self):
        arguments = ["train", TINY, "--set", f"data.prepared={self.data}", "--set", "eval.every_epochs=0", "--set",
                     "train.epochs=1000000", "--out", str(self.folder / "held")]
        process = subprocess.Popen([CHORALE, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while not (self.folder / "held" / "ckpt" / "LATEST").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertIn("another training is running", self.refused(2, *arguments))
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 75)

    def test_help_and_version_are_there(self):
        self.assertRegex(self.ok("--version"), r"^chorale \d+\.\d+\.\d+")
        for command in ("generate", "prepare", "inspect", "train", "eval", "recommend", "export", "ckpt"):
            self.assertIn(command, self.ok("--help"))
            self.ok(command, "--help")
        self.assertIn("users: 300", self.ok("inspect", self.data))


if __name__ == "__main__":
    CHORALE = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
