#!/usr/bin/env bash
# Runs what lies in the bin/ of this folder with the libraries of this folder, on a machine without Open MPI.
#   start.sh check                       what it found; fails when a library of CUDA or NCCL is missing
#   start.sh one PROGRAM ARGS...         one rank
#   start.sh ranks N PROGRAM ARGS...     so many ranks on this host
#   eval "$(start.sh env)"               the environment alone
# GPU_LIBS=/a:/b names the folders of CUDA and NCCL where it does not find them.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
chmod u+x "$here"/bin/* "$here"/ompi/bin/* 2> /dev/null || true  # a transfer may lose the bits

# Where CUDA and NCCL may lie: folders named by the user, the toolkit, the wheels of a Python environment.
candidates() {
  local python
  tr ':' '\n' <<< "${GPU_LIBS:-}:${LD_LIBRARY_PATH:-}:${CUDA_HOME:+$CUDA_HOME/lib64}"
  printf '%s\n' /usr/local/cuda/lib64 /usr/local/cuda/lib /usr/local/cuda/targets/x86_64-linux/lib
  for python in python3 python; do
    if command -v "$python" > /dev/null; then
      "$python" -c 'import glob, os, site, sys
for s in dict.fromkeys(sys.path + site.getsitepackages()): print(*glob.glob(os.path.join(s or ".", "nvidia/*/lib")), sep="\n")' \
        2> /dev/null || true
    fi
  done
  compgen -G '/opt/*/.venv/lib/python3*/site-packages/nvidia/*/lib' || true
  compgen -G '/opt/*/lib/python3*/site-packages/nvidia/*/lib' || true
  compgen -G '/usr/lib/python3*/*-packages/nvidia/*/lib' || true
  compgen -G '/usr/local/lib/python3*/*-packages/nvidia/*/lib' || true
  compgen -G '/usr/local/cuda-1*/lib64' || true
}

cache=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2> /dev/null || true)
folders=$(candidates)
gpu_folders=() missing=()
while IFS= read -r library; do
  found=
  while IFS= read -r folder; do
    if [ -n "$folder" ] && [ -e "$folder/$library" ]; then found=$folder; break; fi
  done <<< "$folders"
  if [ -n "$found" ]; then
    case ":$(IFS=:; echo "${gpu_folders[*]:-}"):" in *":$found:"*) ;; *) gpu_folders+=("$found") ;; esac
  elif ! grep -qF "$library " <<< "$cache"; then
    missing+=("$library")
  fi
done < "$here/from-target.txt"
if ! grep -qF 'libcuda.so.1 ' <<< "$cache"; then  # a driver that the loader does not know
  for folder in /usr/local/nvidia/lib64 /usr/local/nvidia/lib /usr/lib/wsl/lib; do
    if [ -e "$folder/libcuda.so.1" ]; then gpu_folders+=("$folder"); fi
  done
fi

# The newer one of the two libstdc++: an older one first would break the target's own libraries.
cxx=$here/libcxx
theirs=$(awk '/libstdc\+\+\.so\.6 .*x86-64/{print $NF; exit}' <<< "$cache")
if [ -n "$theirs" ]; then
  version=$(readlink -f "$theirs")
  version=${version##*.so.6.0.}
  if [[ $version =~ ^[0-9]+$ ]] && [ "$version" -ge "$(cat "$here/libcxx/version")" ]; then cxx=; fi
fi
libraries=$(IFS=:; echo "$here/lib${cxx:+:$cxx}${gpu_folders:+:${gpu_folders[*]}}${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}")

# No setting of another Open MPI, PMIx or Slurm may reach this one.
for name in $(compgen -e | grep -E '^(OMPI_|OPAL_|ORTE_|PMIX_|PRTE_|PMI_|SLURM_)' || true); do unset "$name"; done
settings=(
  "OPAL_PREFIX=$here/ompi" "OPAL_SYSCONFDIR=$here/ompi/etc"
  "OMPI_MCA_mca_base_component_path=$(echo "$here"/ompi/lib/*/openmpi/lib/openmpi3)"
  "OMPI_MCA_mca_base_param_files=$here/ompi/etc/openmpi-mca-params.conf"
  "OMPI_MCA_orte_default_hostfile=$here/ompi/etc/openmpi-default-hostfile"
  "PMIX_PREFIX=$here/pmix" "PMIX_INSTALL_PREFIX=$here/pmix" "PMIX_LIBDIR=$here/pmix/lib" "PMIX_DATADIR=$here/pmix/share"
  "PMIX_DATAROOTDIR=$here/pmix/share" "PMIX_SYSCONFDIR=$here/pmix/etc"
  "PMIX_MCA_mca_base_component_path=$here/pmix/lib/pmix" "PMIX_MCA_mca_base_param_files=$here/pmix/etc/pmix-mca-params.conf"
  "HWLOC_PLUGINS_PATH=$here/hwloc-plugins" HWLOC_HIDE_ERRORS=2
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  OMPI_MCA_plm=isolated OMPI_MCA_plm_rsh_agent= OMPI_MCA_pml=ob1 "OMPI_MCA_btl=self,vader,tcp"
  OMPI_MCA_btl_vader_single_copy_mechanism=none OMPI_MCA_mpi_yield_when_idle=1
  OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
  "PATH=$here/ompi/bin:$here/bin:$PATH" "LD_LIBRARY_PATH=$libraries" "CHORALE_SOURCE=$here"
)

program() { if [ -x "$here/bin/$1" ]; then echo "$here/bin/$1"; else echo "$1"; fi; }

mode=${1:-help}
shift || true
if { [ "$mode" = one ] && [ $# -lt 1 ]; } || { [ "$mode" = ranks ] && [ $# -lt 2 ]; }; then mode=help; fi
case $mode in
  env) printf 'export %q\n' "${settings[@]}" ;;
  check)
    echo "bundle: $here"
    printf 'GPU libraries: %s\n' "${gpu_folders[@]:-none of its own}"
    echo "libstdc++: ${cxx:-$theirs}"
    echo "C library: $(cat "$here/glibc.txt") or newer is needed, here is $(getconf GNU_LIBC_VERSION)"
    if [ ${#missing[@]} -gt 0 ]; then
      printf 'missing: %s\n' "${missing[@]}"
      exit 4
    fi ;;
  one)
    wanted=$(program "$1")
    shift
    exec env "${settings[@]}" "$wanted" "$@" ;;
  ranks)
    n=$1 wanted=$(program "$2")
    shift 2
    exec env "${settings[@]}" "$here/ompi/bin/mpirun" -n "$n" "$wanted" "$@" ;;
  *)
    sed -n 2,7p "${BASH_SOURCE[0]}"
    echo "Programs: $(cd "$here/bin" && echo *)"
    exit 2 ;;
esac
