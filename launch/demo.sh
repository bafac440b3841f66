#!/usr/bin/env bash
# From a fresh clone to recommendations: installs what is missing, builds, makes a synthetic data set, trains
# on two ranks, evaluates and recommends. Everything is written below build/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

demo=build/demo
chorale=build/release/chorale
ranks=2

heading() { printf '\n== %s\n' "$*"; }
# Prints a command as one would type it, then runs it.
run() {
  printf '$'
  printf ' %s' "$@"
  printf '\n'
  "$@"
}

# Open MPI wants to be asked twice before it runs as root. Two ranks on one core should take turns, and the
# single-copy mechanism of its shared memory is forbidden in most containers.
if [ "$(id -u)" -eq 0 ]; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
export OMPI_MCA_mpi_yield_when_idle=1
export OMPI_MCA_btl_vader_single_copy_mechanism="${OMPI_MCA_btl_vader_single_copy_mechanism:-none}"

heading "Packages"
launch/dependencies.sh

heading "Build (preset release, target chorale)"
cmake --preset release
cmake --build --preset release --target chorale

heading "Synthetic interactions with planted communities"
rm -rf "$demo"
mkdir -p "$demo"
run "$chorale" generate planted --out "$demo/source"

heading "Prepare: check, hold out validation, cut into lanes"
run "$chorale" prepare --format lightgcn "$demo/source" --out "$demo/data" --valid 0.1 --force

heading "Train on $ranks ranks"
run mpirun -n "$ranks" --oversubscribe --bind-to none "$chorale" train configs/demo.pbtxt \
  --set "data.prepared=$demo/data" --out "$demo/run"

heading "Evaluate on the test split"
run "$chorale" eval "$demo/run"

# Line 1 is a header; line 44 names the user with id 42.
user=$(sed -n '44p' "$demo/data/users.tsv")
heading "Ten items for $user"
run "$chorale" recommend "$demo/run" --user "$user" -k 10

heading "Done. Next:"
if [ "$(id -u)" -eq 0 ]; then
  echo "  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1   # you are root"
fi
cat << NEXT
  $chorale export $demo/run --to $demo/export     # vectors for numpy and a server; see the README.txt in it
  $chorale train --help                           # your own data: docs/, configs/
  mpirun -n 4 --oversubscribe --bind-to none $chorale train configs/demo.pbtxt \\
    --set data.prepared=$demo/data --out $demo/run4   # the same bits on another number of ranks
  launch/test.sh                                  # all tests
NEXT
