#!/usr/bin/env bash
# bundle.sh OUT [BUILD [NAME=FOLDER...]]: a relocatable folder of the programs and tests of a build, with the libraries they need: Open
# MPI itself, Protobuf and so on. Not in it: the C library, the GPU driver, CUDA and NCCL, which the target has. OUT/start.sh runs them
# there. A FOLDER goes to OUT/data/NAME; test-gpu.sh knows gowalla, which is prepared, and gowalla-text, its source, for peers.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ $# -lt 1 ]; then sed -n 2,4p "${BASH_SOURCE[0]}" >&2; exit 2; fi
out=$1 build=${2:-build/release} data=("${@:3}")

triplet=$(uname -m)-linux-gnu
ompi=$(ompi_info --parsable --path libdir | sed 's/.*://')
ompi_plugins=$(ompi_info --parsable --path pkglibdir | sed 's/.*://')
ompi_help=$(ompi_info --parsable --path pkgdatadir | sed 's/.*://')
pmix=/usr/lib/$triplet/pmix2

# Must be the target's own, or they do not fit its loader ...
libc='^(ld-linux-x86-64|libc|libm|libmvec|libdl|libpthread|librt|libresolv|libutil|libnsl|libanl)\.so|^linux-vdso'
# ... nor its driver.
gpu='^lib(cuda|cudart|cublas|cublasLt|cusparse|nvJitLink|nvidia-ml|nccl)\.so'
# Plugins for fabrics, schedulers, checkpoints, profiling and MPI-IO, which would bring libraries of their own.
unwanted='_(ucx|ofi|openib|psm|psm2)\.so$|_monitoring\.so$|_(flux|slurm|gridengine|jsm|simulator)\.so$|^libompi_dbg'
unwanted+='|^mca_(atomic|memheap|scoll|spml|sshmem|vprotocol|crs|compress|io|fs|fbtl|fcoll|sharedfp)_|^mca_(reachable_netlink|pml_cm|btl_sm)\.so'

programs() {
  local name
  for name in chorale tests/gpu_test tests/gpu_mpi_test tests/contracts_test tests/kernels_emulated_test tests/bench/gpu_bench \
    tests/bench/kernels_bench; do
    if [ -x "$build/$name" ]; then printf '%s\n' "$build/$name"; fi
  done
}

elves() { find "$out" -type f \( -path '*/bin/*' -o -name '*.so*' \); }

# Every library of a program or plugin that the target does not have to bring, under the name the loader asks for.
collect_libraries() {
  local elf=$1 name arrow path folder
  LD_LIBRARY_PATH=$ompi:/usr/local/cuda/lib64 ldd "$elf" | while read -r name arrow path _; do
    name=${name##*/}
    if [[ $name =~ $libc ]]; then continue; fi
    if [[ $name =~ $gpu ]]; then printf '%s\n' "$name" >> "$out/from-target.txt"; continue; fi
    if [ "$arrow" != '=>' ]; then continue; fi
    if [ "$path" = not ]; then echo "bundle: error: $name, wanted by $elf, is not here" >&2; exit 4; fi
    folder=$out/lib
    if [[ $name =~ ^lib(stdc\+\+|gcc_s)\.so ]]; then folder=$out/libcxx; fi  # used where the target's is older
    if [ ! -e "$folder/$name" ]; then cp -L "$path" "$folder/$name"; fi
  done
}

if [ -z "$(programs)" ]; then echo "bundle: error: nothing built in $build; cmake --build --preset release" >&2; exit 2; fi
rm -rf "$out"
tree=$out/ompi/lib/$triplet/openmpi/lib/openmpi3
mkdir -p "$out"/{bin,lib,libcxx,hwloc-plugins} "$out"/ompi/{bin,etc,share/openmpi} "$tree" "$out"/pmix/{lib/pmix,etc,share/pmix}
: > "$out/hwloc-plugins/empty-on-purpose"  # an empty folder may get lost on the way
programs | while read -r program; do cp -L "$program" "$out/bin/"; done
for tool in orterun orted; do cp -L "$(command -v $tool)" "$out/ompi/bin/$tool"; done
cp "$out/ompi/bin/orterun" "$out/ompi/bin/mpirun"  # a copy: links may get lost too
for plugin in "$ompi_plugins"/*.so; do
  if [[ ! ${plugin##*/} =~ $unwanted ]]; then cp -L "$plugin" "$tree/"; fi
done
for plugin in "$pmix"/lib/pmix/*.so; do
  if [[ $plugin != *slurm* ]]; then cp -L "$plugin" "$out/pmix/lib/pmix/"; fi
done
cp -L "$ompi_help"/help-*.txt "$out/ompi/share/openmpi/"
cp -L "$pmix"/share/pmix/help-*.txt "$out/pmix/share/pmix/"
: > "$out/ompi/etc/openmpi-mca-params.conf"
: > "$out/ompi/etc/openmpi-default-hostfile"
: > "$out/pmix/etc/pmix-mca-params.conf"

: > "$out/from-target.txt"
elves | while read -r elf; do collect_libraries "$elf"; done
sort -u -o "$out/from-target.txt" "$out/from-target.txt"
readlink -f "$(ldconfig -p | awk '/libstdc\+\+\.so\.6 .*x86-64/{print $NF; exit}')" | sed 's/.*so\.6\.0\.//' > "$out/libcxx/version"
elves | xargs -d '\n' strip --strip-unneeded
elves | xargs -d '\n' chmod 755
elves | xargs -d '\n' objdump -T 2> /dev/null | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -1 > "$out/glibc.txt"
cp -r configs "$out/"
cp launch/bundle-start.sh "$out/start.sh"
cp launch/test-gpu.sh launch/gpu_table.py launch/README.md "$out/"
cp -r tests/bench/peers "$out/peers"
rm -rf "$out/peers/__pycache__"
for item in "${data[@]}"; do
  mkdir -p "$out/data/${item%%=*}"
  cp -rL "${item#*=}/." "$out/data/${item%%=*}/"
done
chmod 755 "$out"/*.sh
echo "bundle: $out, $(du -sm --apparent-size "$out" | cut -f1) MiB; the target needs $(cat "$out/glibc.txt") and $(tr '\n' ' ' < "$out/from-target.txt")"
