#!/usr/bin/env python3
"""A bundle (launch/bundle.sh) at a path the build never saw, with a clean environment: it finds its own libraries and plugins, and
trains to the same bits on one rank and on two. A second machine it is not: the C library and the kernel are this one's."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ""
# Of the target: the C library, the driver, CUDA and NCCL, and the C++ library if it is the newer one.
OF_TARGET = re.compile(r"ld-linux|lib(c|m|mvec|dl|pthread|rt|resolv|util)\.so|lib(cuda|cudart|cusparse|nccl|nvJitLink)\.so|lib(stdc\+\+|gcc_s)\.so")


class Bundle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="chorale-bundle-"))
        made, cls.bundle = cls.folder / "made", cls.folder / "moved to" / ("a path that is long " + 80 * "x")
        data = cls.folder / "some data"
        data.mkdir()
        (data / "train.txt").write_text("0 1\n")
        done = subprocess.run(["bash", ROOT / "launch" / "bundle.sh", made, BUILD, f"some={data}"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        cls.bundle.parent.mkdir()
        made.rename(cls.bundle)
        cls.files = [file for file in cls.bundle.rglob("*")]
        for file in cls.files:
            if file.is_file():
                file.chmod(0o644)  # a transfer may lose the right to execute
        (cls.folder / "home").mkdir()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder, ignore_errors=True)

    def start(self, *arguments, code=0, **environment):
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder / "home"), **environment}
        done = subprocess.run(["bash", self.bundle / "start.sh", *map(str, arguments)], capture_output=True, text=True, timeout=120,
                              env=environment, cwd=self.folder)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout

    def test_it_holds_no_links_and_no_empty_folders_which_a_transfer_may_lose(self):
        for file in self.files:
            self.assertFalse(file.is_symlink(), file)
            self.assertTrue(file.is_file() or any(file.iterdir()), file)
        self.assertTrue((self.bundle / "data" / "some" / "train.txt").is_file())
        self.assertTrue((self.bundle / "peers" / "common.py").is_file())

    def test_it_says_what_it_found(self):
        said = self.start("check")
        self.assertIn(f"bundle: {self.bundle}", said)
        self.assertRegex(said, r"C library: GLIBC_2\.\d+ or newer is needed, here is glibc 2\.\d+")

    def test_every_library_is_its_own_or_of_the_target(self):
        for program in sorted((self.bundle / "bin").iterdir()):
            for line in self.start("one", "ldd", program).splitlines():
                self.assertNotIn("not found", line, program)
                path = line.split("=>")[-1].split("(")[0].strip()
                if not path.startswith("linux-vdso") and not OF_TARGET.search(path):
                    self.assertTrue(path.startswith(str(self.bundle / "lib")), f"{program.name}: {line}")

    def test_mpi_and_its_plugins_are_its_own(self):
        (self.folder / "loaded").mkdir()
        self.start("ranks", 2, "chorale", "train", "nothing.pbtxt", code=2, LD_DEBUG="libs", LD_DEBUG_OUTPUT=str(self.folder / "loaded" / "of"))
        of_mpi = 0
        for log in (self.folder / "loaded").iterdir():
            loaded = re.findall(r"calling init: (.+)$", log.read_text(), re.M)
            if not any("libopen-pal" in path for path in loaded):
                continue  # bash and its helpers
            of_mpi += 1
            foreign = [path for path in loaded if not path.startswith(str(self.bundle)) and not OF_TARGET.search(path)
                       and "libtinfo" not in path]  # of the bash that became mpirun
            self.assertEqual(foreign, [])
            self.assertTrue(any("mca_" in path for path in loaded))
        self.assertEqual(of_mpi, 3)  # mpirun and two ranks

    def test_one_rank_and_two_leave_the_same_bits(self):
        self.start("one", "chorale", "generate", "planted", "--out", "source", "--users", 300, "--items", 120, "--communities", 6)
        self.start("one", "chorale", "prepare", "source", "--out", "data")
        train = ["chorale", "train", self.bundle / "configs" / "tiny" / "lightgcn.pbtxt", "--set", "data.prepared=data", "--set",
                 "train.epochs=3", "--out"]
        self.start("one", *train, "alone")
        self.start("ranks", 2, *train, "two")
        # The settings of another MPI, of a scheduler and of a user are not looked at.
        (self.folder / "home" / ".openmpi").mkdir()
        (self.folder / "home" / ".openmpi" / "mca-params.conf").write_text("pml = nothing\n")
        self.start("ranks", 2, *train, "among-others", OMPI_MCA_pml="ucx", OPAL_PREFIX="/nowhere", PMIX_MCA_gds="nothing", SLURM_JOB_ID="7",
                   SLURM_NTASKS="9")
        digests = {self.start("one", "chorale", "ckpt", "show", "--digest", run).splitlines()[-1] for run in ("alone", "two", "among-others")}
        self.assertEqual(len(digests), 1)
        self.assertRegex(digests.pop(), r"^digest: [0-9a-f]{32}$")

    def test_the_exit_code_of_a_program_is_that_of_the_bundle(self):
        self.start("one", "chorale", "train", "nothing.pbtxt", code=2)
        self.start("ranks", 2, "chorale", "train", "nothing.pbtxt", code=2)


if __name__ == "__main__":
    BUILD = os.path.abspath(sys.argv.pop(1))
    missing = [tool for tool in ("ompi_info", "objdump", "strip") if shutil.which(tool) is None]
    if missing:
        print(f"skipped: no {', '.join(missing)}")
        sys.exit(0)
    unittest.main(verbosity=2)
