#!/usr/bin/env bash
# Bring up a Slurm on this machine, to try things on: a controller and two nodes.
#
#   slurm_up.sh DIR       begin it; DIR is made, and holds all of it
#   DIR/enter COMMAND...  run a command on it: DIR/enter srun hostname
#   slurm_down.sh DIR     end it, and every job on it
#
# All of it lives in namespaces of its own: of the network, where there is nothing but a
# loopback device, so nobody else can reach it and ports cannot collide; and of processes, so
# nothing of it outlives its first process, however that ends.
# Needed: root, and on Debian
#   apt-get install --no-install-recommends \
#       slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge iproute2
# SLURM_CPUS is how many processors each node claims to have (default: 2).
set -eu
[ $# = 1 ] || { sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2; }
export PATH="$PATH:/usr/sbin:/sbin"
for program in munged mungekey slurmctld slurmd sinfo ip unshare nsenter; do
    command -v "$program" >/dev/null || { echo "not installed: $program" >&2; exit 3; }
done
mkdir -p "$1"
dir=$(cd "$1" && pwd -P)
[ ! -e "$dir/pid" ] || { echo "$dir: there is one; end it by slurm_down.sh" >&2; exit 2; }
mkdir -p "$dir/log" "$dir/state" "$dir/spool.n1" "$dir/spool.n2"
# munged talks to nobody whose directory others could write to.
install -d -m 0755 "$dir/munge"
host=$(hostname -s)

cat >"$dir/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=6817
AuthType=auth/munge
AuthInfo=socket=$dir/munge/socket
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool.%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.%n.pid
SlurmctldLogFile=$dir/log/slurmctld
SlurmdLogFile=$dir/log/slurmd.%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
# A line for each job that ended.
JobCompType=jobcomp/filetxt
JobCompLoc=$dir/log/jobs
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_min_interval=0,batch_sched_delay=0
DefMemPerCPU=500
MpiDefault=none
ReturnToService=2
MinJobAge=300
KillWait=5
SlurmdParameters=config_overrides
NodeName=n[1-2] NodeHostname=$host NodeAddr=127.0.0.1 Port=[6818-6819] CPUs=${SLURM_CPUS:-2} RealMemory=8000
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
# slurmd ends where it finds no hierarchy of the second version.
printf 'CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n' >"$dir/cgroup.conf"

cat >"$dir/first" <<'FIRST'
#!/usr/bin/env bash
# The first process of the namespaces: when it ends, all in them ends.
cd "$1"
ip link set lo up
# Or getaddrinfo takes the machine for one without IPv4, and does not find 127.0.0.1.
ip address add 10.99.0.1/32 dev lo
export SLURM_CONF="$1/slurm.conf"
[ -e munge/key ] || mungekey --create --keyfile="$1/munge/key"
munged --foreground --socket="$1/munge/socket" --key-file="$1/munge/key" \
    --pid-file="$1/munge/pid" --log-file="$1/munge/log" --seed-file="$1/munge/seed" \
    >log/munged 2>&1 &
for _ in $(seq 100); do [ -S munge/socket ] && break; sleep 0.05; done
slurmctld -D -c >/dev/null 2>&1 &
slurmd -D -N n1 >/dev/null 2>&1 &
slurmd -D -N n2 >/dev/null 2>&1 &
# Whatever lost its parent in here is waited for by this one.
wait
FIRST
chmod +x "$dir/first"

setsid unshare --net --pid --mount-proc --fork --kill-child \
    "$dir/first" "$dir" </dev/null >"$dir/log/first" 2>&1 &
outer=$!
echo "$outer" >"$dir/pid"
inner=
for _ in $(seq 100); do
    inner=$(cat "/proc/$outer/task/$outer/children" 2>/dev/null | tr -d ' ') || true
    [ -z "$inner" ] || break
    sleep 0.05
done
[ -n "$inner" ] || { echo "no namespaces:" >&2; cat "$dir/log/first" >&2; rm "$dir/pid"; exit 4; }
cat >"$dir/enter" <<ENTER
#!/usr/bin/env bash
# Run a command where the Slurm of this directory is.
SLURM_CONF='$dir/slurm.conf' exec nsenter --target $inner --net --pid --mount --wd="\$PWD" "\$@"
ENTER
chmod +x "$dir/enter"

for _ in $(seq 150); do
    [ "$("$dir/enter" sinfo --noheader --format=%T 2>/dev/null)" != idle ] || exit 0
    sleep 0.2
done
echo "the nodes are not idle after 30 s; see $dir/log" >&2
tail -n 5 "$dir"/log/* "$dir"/munge/log >&2
kill -KILL "$outer"
rm "$dir/pid"
exit 5
