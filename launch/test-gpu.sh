#!/usr/bin/env bash
# test-gpu.sh [OUT [PART]]: everything that must be shown on a GPU, from a bundle (bundle.sh) or from a build: kernels against the reference,
# contracts, two ranks on one GPU, compute-sanitizer, benchmarks beside roofs and peers, training where data/gowalla is a prepared
# data set. Ends with one table (gpu_table.py); all it is made from lies in OUT (build/gpu). Under eight minutes on one GPU: a step
# has its own limit, one that fails does not stop the others, and what no time is left for is skipped aloud, as all is without a GPU.
# One step trains on one PART-th (20) of 50 M users, 10 M items and 10^9 interactions. PART 1 wants 110 GB on the GPU, 128 GiB of memory,
# 60 GB of disk, and TEST_GPU_SECONDS=3600.
set -uo pipefail
export LC_ALL=C
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
budget=${TEST_GPU_SECONDS:-460}  # for all steps together

if [ -f "$here/start.sh" ]; then  # a bundle; by bash, as a transfer may lose the right to execute
  root=$here
  tests=$root/bin peers=$root/peers
  one=(bash "$here/start.sh" one)
  ranks=(bash "$here/start.sh" ranks)
else
  root=$(dirname "$here")
  build=$root/build/release
  tests=$build/tests peers=$root/tests/bench/peers
  one=(env "PATH=$build:$build/tests:$build/tests/bench:$PATH:/usr/local/cuda/bin" "CHORALE_SOURCE=$root"
    OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1)
  ranks=("${one[@]}" mpirun --oversubscribe --bind-to none -n)
fi
out=${1:-$root/build/gpu}
part=${2:-20}

if ! command -v nvidia-smi > /dev/null || ! nvidia-smi -L 2> /dev/null | grep -q GPU; then
  echo "test-gpu: skipped: there is no GPU on this host"
  exit 0
fi
if [ -f "$here/start.sh" ]; then bash "$here/start.sh" check || exit 4; fi
mkdir -p "$out"
# Nothing of an earlier run may get into the table.
rm -rf "${out:?}"/{steps.tsv,bench.jsonl,lightgcn-1,lightgcn-2,graph-off,fast,mmhcl,mmhcl-data,mmhcl-more,mmhcl.prep,alone,two-ranks,scale,scale.prep}
rm -f "$out"/*.log "$out"/peer-*.jsonl
nvidia-smi --query-gpu=name,driver_version,memory.total,memory.used,clocks.max.sm --format=csv | tee "$out/gpu.csv"

# note NAME STATUS SECONDS CLOCK: a line of steps.tsv, shown too.
note() {
  printf '%s\t%s\t%s\t%s\n' "$@" >> "$out/steps.tsv"
  printf '%-20s %8s s  %s\n' "$1" "$3" "$2"
}
# step NAME SECONDS COMMAND...: runs it for so long at most; its log is NAME.log.
step() {
  local name=$1 limit=$2 left=$((budget - SECONDS)) code=0 clock begin status=passed
  shift 2
  if [ "$left" -lt 5 ]; then note "$name" "skipped: no time left" 0 ""; return; fi
  if [ "$left" -lt "$limit" ]; then limit=$left; fi
  clock=$(date +%H:%M:%S.%3N) begin=$EPOCHREALTIME
  timeout -s KILL "$limit" "$@" > "$out/$name.log" 2>&1 < /dev/null || code=$?
  if [ "$code" -eq 77 ]; then
    status=$(grep -m 1 '^skipped: ' "$out/$name.log" || echo skipped)
  elif [ "$code" -eq 137 ]; then
    status="FAILED: killed, as after its $limit s"
  elif [ "$name" = sanitizer ] && grep -q 'Device not supported' "$out/$name.log"; then  # on some virtual machines
    status="skipped: it cannot reach this GPU"
  elif [ "$code" -ne 0 ]; then
    status="FAILED: exit code $code"
  elif grep -q 'skipped[:,] no GPU' "$out/$name.log"; then  # though the driver's tool shows one
    status="FAILED: it found no GPU"
  fi
  note "$name" "$status" "$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')" "$clock"
  if [[ $status = FAILED* ]]; then tail -n 15 "$out/$name.log"; fi
}
skip() { note "$1" "skipped: $2" 0 ""; }
# train NAME SECONDS CONFIG ARGS...: on one rank and a GPU, into the run folder NAME; evaluated and saved at the end only.
train() { train_by "$1" "$2" "${one[@]}" chorale train "$root/configs/$3" "${@:4}"; }
train_on_two() { train_by "$1" "$2" "${ranks[@]}" 2 chorale train "$root/configs/$3" "${@:4}"; }
train_by() { step "$@" --set device=CUDA --set eval.every_epochs=1000 --set checkpoint.every_epochs=0 --out "$out/$1"; }
# peer NAME SECONDS FILE ARGS...: a program of tests/bench/peers, which says by exit code 77 that it lacks something.
peer() { step "$1" "$2" python3 -B "$peers/$3" --json "$out/$1.jsonl" "${@:4}"; }

folder=()
step kernels 60 "${one[@]}" gpu_test --run_test=kernels
if [ -d "$root/data/gowalla" ]; then
  folder=("$root/data/gowalla")
  gowalla=(--set "data.prepared=$root/data/gowalla")
  text=$root/data/gowalla-text/train.txt
  for turn in 1 2; do  # ours and theirs in turn
    train "lightgcn-$turn" 40 gowalla-lightgcn.pbtxt "${gowalla[@]}" --set train.epochs=5
    if [ -f "$text" ]; then peer "peer-lightgcn-$turn" 45 lightgcn.py "$text"; else skip "peer-lightgcn-$turn" "no data/gowalla-text"; fi
  done
  train graph-off 40 gowalla-lightgcn.pbtxt "${gowalla[@]}" --set train.epochs=5 --set run.step_graph=false
  train fast 40 gowalla-fast.pbtxt "${gowalla[@]}"
  short=("${gowalla[@]}" --set train.epochs=1 --set train.batch=16384)
  train alone 30 gowalla-lightgcn.pbtxt "${short[@]}"
  train_on_two two-ranks 60 gowalla-lightgcn.pbtxt "${short[@]}"
  if [ -f "$text" ]; then peer peer-spmm 30 spmm.py "$text"; else skip peer-spmm "no data/gowalla-text"; fi
else
  for name in lightgcn-1 peer-lightgcn-1 graph-off fast alone two-ranks peer-spmm; do skip "$name" "no data/gowalla"; done
fi
peer peer-infonce-1 40 infonce.py
step bench 120 "${one[@]}" gpu_bench --json "$out/bench.jsonl" "${folder[@]}"
peer peer-infonce-2 60 infonce.py --compile
peer peer-topk 30 topk.py
# Users and items of Clothing, 220,396 training interactions for its 197,338, and two modalities: features of another seed.
clothing=(generate planted --users 39387 --items 23033 --items-per-user 7 --test 0.24 --communities 60 --features 64)
step mmhcl-more 20 "${one[@]}" chorale "${clothing[@]}" --seed 2 --out "$out/mmhcl-more"
step mmhcl-data 20 "${one[@]}" chorale "${clothing[@]}" --out "$out/mmhcl-data"
step mmhcl-prepare 20 "${one[@]}" chorale prepare --format lightgcn "$out/mmhcl-data" --out "$out/mmhcl.prep" \
  --features "image=$out/mmhcl-data/item_features.npy" --features "text=$out/mmhcl-more/item_features.npy"
train mmhcl 60 clothing-mmhcl.pbtxt --set "data.prepared=$out/mmhcl.prep" --set train.epochs=3
step messages 60 "${ranks[@]}" 2 gpu_mpi_test
step contracts 120 "${one[@]}" gpu_test '--run_test=!kernels'
sanitizer=$(PATH=$PATH:/usr/local/cuda/bin type -P compute-sanitizer || true)
if [ -n "$sanitizer" ]; then
  step sanitizer 150 "${one[@]}" "$sanitizer" --error-exitcode 9 --target-processes all "$tests/gpu_test" --run_test=kernels
else
  skip sanitizer "no compute-sanitizer"
fi

echo "$part" > "$out/scale.part"
step scale-data $((30 + 1200 / part)) "${one[@]}" chorale generate power-law --users $((50000000 / part)) --items $((10000000 / part)) \
  --interactions $((1000000000 / part)) --out "$out/scale.prep"
train scale $((60 + 2400 / part)) scale-lightgcn.pbtxt --set "data.prepared=$out/scale.prep"
rm -rf "$out/scale.prep" "$out/scale/ckpt"

echo
if ! command -v python3 > /dev/null; then
  echo "test-gpu: no python3, so there is no table; the logs are in $out"
  if grep -q FAILED "$out/steps.tsv"; then exit 1; else exit 0; fi
fi
python3 -B "$here/gpu_table.py" "$out" | tee "$out/table.txt"
