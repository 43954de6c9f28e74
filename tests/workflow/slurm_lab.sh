#!/usr/bin/env bash
# One-machine Slurm without systemd, accounting or a GPU.
#   slurm_lab.sh start DIR   then   . DIR/env.sh
#   slurm_lab.sh stop DIR
set -euo pipefail
cmd=${1:?start or stop}; mkdir -p "${2:?directory}"; dir=$(cd "$2" && pwd)
pids=$dir/pids
export SLURM_CONF=$dir/slurm.conf
ctl_port=${SLURM_LAB_PORT:-16817}

alive() { kill -0 "$1" 2>/dev/null; }

stop_all() {
  [ -f "$pids" ] || return 0
  tac "$pids" | while read -r name pid; do        # slurmd first, munged last
    alive "$pid" || continue
    kill -TERM "$pid"
    for _ in $(seq 100); do alive "$pid" || break; sleep 0.1; done
    if alive "$pid"; then echo "$name ($pid) ignored TERM; sending KILL" >&2; kill -KILL "$pid"; fi
  done
  rm -f "$pids"
}

write_conf() {
  local user host cpus mem
  user=$(id -un) host=$(hostname -s) cpus=$(nproc)
  mem=$(awk '/^MemTotal/{print int($2/1024*0.9)}' /proc/meminfo)
  cat > "$dir/slurm.conf" <<CONF
ClusterName=lab
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$ctl_port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$dir/munge/munge.sock
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool-%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd-%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=2
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$dir/jobcomp.txt
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
SchedulerParameters=sched_min_interval=0,bf_interval=1,batch_sched_delay=0
ReturnToService=2
MinJobAge=3600
KillWait=20
MpiDefault=none
GresTypes=gpu
NodeName=cpu1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((ctl_port + 1)) CPUs=$cpus RealMemory=$mem
NodeName=gpu1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((ctl_port + 2)) CPUs=$cpus RealMemory=$mem Gres=gpu:2
PartitionName=cpu Nodes=cpu1 Default=YES MaxTime=2-00:00:00 State=UP
PartitionName=gpu Nodes=gpu1 MaxTime=2-00:00:00 State=UP
PartitionName=both Nodes=cpu1,gpu1 MaxTime=2-00:00:00 State=UP
CONF
  # GPUs that are not there: any character devices will do for File=.
  echo 'NodeName=gpu1 Name=gpu Count=2 File=/dev/null,/dev/zero' > "$dir/gres.conf"
  # The Snakemake job step drops SLURM_CONF before it calls srun; put it back.
  mkdir -p "$dir/bin"
  printf '#!/bin/sh\nSLURM_CONF=%s exec %s "$@"\n' "$dir/slurm.conf" "$(command -v srun)" > "$dir/bin/srun"
  chmod 755 "$dir/bin/srun"
  printf 'export SLURM_CONF=%s\nexport PATH=%s:$PATH\n' "$dir/slurm.conf" "$dir/bin" > "$dir/env.sh"
}

start_all() {
  umask 022
  if [ -f "$pids" ]; then echo "already started? see $pids" >&2; exit 1; fi
  mkdir -p "$dir/munge" "$dir/state" "$dir/spool-cpu1" "$dir/spool-gpu1"
  write_conf
  [ -s "$dir/munge/munge.key" ] ||
    (umask 077; head -c 1024 /dev/urandom > "$dir/munge/munge.key")
  trap 'stop_all' ERR
  munged --foreground --key-file="$dir/munge/munge.key" --socket="$dir/munge/munge.sock" \
    --pid-file="$dir/munge/munged.pid" --seed-file="$dir/munge/munged.seed" \
    > "$dir/munged.out" 2>&1 < /dev/null & echo "munged $!" >> "$pids"
  for _ in $(seq 100); do [ -S "$dir/munge/munge.sock" ] && break; sleep 0.05; done
  slurmctld -D -c -f "$SLURM_CONF" > "$dir/slurmctld.out" 2>&1 < /dev/null & echo "slurmctld $!" >> "$pids"
  for node in cpu1 gpu1; do
    slurmd -D -c -N "$node" -f "$SLURM_CONF" > "$dir/slurmd-$node.out" 2>&1 < /dev/null &
    echo "slurmd-$node $!" >> "$pids"
  done
  for _ in $(seq 200); do
    if [ "$(sinfo -h -N -o '%N %t' 2>/dev/null | sort -u | grep -c ' idle$' || true)" = 2 ]; then sinfo -N -l; return 0; fi
    sleep 0.1
  done
  sinfo -N -l >&2 || true
  echo "the nodes did not become idle; read $dir/*.out" >&2
  stop_all; exit 1
}

case $cmd in start) start_all;; stop) stop_all;; *) echo "start or stop" >&2; exit 2;; esac
