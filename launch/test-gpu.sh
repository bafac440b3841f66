#!/usr/bin/env bash
# test-gpu.sh [OUT [PART]]: everything that needs a GPU, from a bundle (bundle.sh) or from a build: the kernels against the reference, the
# contracts, two ranks on one GPU, the kernels under compute-sanitizer, benchmarks, and training where data/NAME holds a prepared
# data set, and on synthetic data of one PART-th (20) of 50 M users, 10 M items and 10^9 interactions; PART 1 wants 110 GB on the GPU,
# 128 GiB of memory and 60 GB of disk. Prints one table; logs go to OUT (build/gpu). Skips aloud without a GPU. Under ten minutes on
# one GPU with the default PART.
set -uo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)

if [ -x "$here/start.sh" ]; then  # a bundle
  root=$here
  one=("$here/start.sh" one)
  ranks=("$here/start.sh" ranks)
else
  root=$here/..
  build=$root/build/release
  one=(env "PATH=$build:$build/tests:$build/tests/bench:$PATH" "CHORALE_SOURCE=$root"
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1)
  ranks=("${one[@]}" mpirun --oversubscribe --bind-to none -n)
fi
out=${1:-$root/build/gpu}
part=${2:-20}
mkdir -p "$out"

if ! command -v nvidia-smi > /dev/null || ! nvidia-smi -L 2> /dev/null | grep -q GPU; then
  echo "test-gpu: skipped: there is no GPU on this host"
  exit 0
fi
if [ -x "$here/start.sh" ]; then "$here/start.sh" check || exit 4; fi
nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv | tee "$out/gpu.csv"

failures=0
table=()
# step NAME SECONDS COMMAND...: a line of the table; the log is NAME.log.
step() {
  local name=$1 limit=$2 begin=$SECONDS code=0
  shift 2
  timeout -s KILL "$limit" "$@" > "$out/$name.log" 2>&1 || code=$?
  local said=passed
  if [ "$code" -ne 0 ]; then
    said="FAILED ($code)"
    failures=$((failures + 1))
    tail -n 15 "$out/$name.log"
  fi
  table+=("$(printf '%-28s %-14s %4d s' "$name" "$said" $((SECONDS - begin)))")
  echo "${table[-1]}"
}
step kernels 60 "${one[@]}" gpu_test --run_test=kernels
step contracts 120 "${one[@]}" gpu_test '--run_test=!kernels'
step messages 60 "${ranks[@]}" 2 gpu_mpi_test
step sanitizer 150 "${one[@]}" compute-sanitizer --error-exitcode 9 --target-processes all gpu_test --run_test=kernels
step bench 150 "${one[@]}" gpu_bench "$root/data/gowalla"
if [ -d "$root/data/gowalla" ]; then
  gowalla=(--set device=CUDA --set "data.prepared=$root/data/gowalla")
  rm -rf "$out/lightgcn" "$out/fast"
  step lightgcn 120 "${one[@]}" chorale train "$root/configs/gowalla-lightgcn.pbtxt" "${gowalla[@]}" --set train.epochs=3 \
    --out "$out/lightgcn"
  step fast 120 "${one[@]}" chorale train "$root/configs/gowalla-fast.pbtxt" "${gowalla[@]}" --out "$out/fast"
fi
# As many steps as one twentieth of the data has in an epoch, whatever the size.
scale() {
  rm -rf "$out/scale" && mkdir -p "$out/scale"
  "${one[@]}" chorale generate power-law --users $((50000000 / part)) --items $((10000000 / part)) \
    --interactions $((1000000000 / part)) --out "$out/scale/data" &&
    "${one[@]}" chorale train "$root/configs/scale-lightgcn.pbtxt" --set "data.prepared=$out/scale/data" --dry-run &&
    "${one[@]}" chorale train "$root/configs/scale-lightgcn.pbtxt" --set "data.prepared=$out/scale/data" --max-steps 48 \
      --out "$out/scale/run" || return
  rm -rf "$out/scale/data" "$out/scale/run/ckpt"
}
export -f scale
export out part root
step scale $((120 + 2400 / part)) bash -c "$(declare -p one); scale"
awk '/^steps:/ { epoch = $2 }
  /seconds of rank 0/ { gsub(",", ""); for (i = 1; i < NF; ++i) if ($i ~ /^(sampling|forward|backward|update|waiting)$/) all += $(i + 1) }
  /memory of all ranks/ { memory = $0; sub(/.*: /, "", memory) }
  END {
    done = epoch < 48 ? epoch : 48
    if (done) printf "scale: %.3f s a step, %.0f s an epoch of %d steps; %s\n", all / done, all / done * epoch, epoch, memory
  }' \
  "$out/scale.log" | tee "$out/scale.txt"

echo
printf '%s\n' "${table[@]}" | tee "$out/table.txt"
cat "$out/bench.log" 2> /dev/null
grep -hE 'epoch [0-9]+/|recall' "$out/lightgcn.log" "$out/fast.log" 2> /dev/null | tail -n 20
exit $((failures > 0))
