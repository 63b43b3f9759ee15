#!/usr/bin/env bash
# A SLURM cluster on this machine alone, for tests/test_slurm.py; as root, and with Debian's
# slurm-wlm and munge:
#
#   tests/slurm_cluster.sh start
#   tests/slurm_cluster.sh stop
#
# The daemons are the real ones. The node is made up: six cores, 16 GB and two GPUs, whatever the
# machine has.
set -euo pipefail

etc=/etc/slurm                # where job steps look, whatever SLURM_CONF says
home=/var/lib/augtrial-slurm  # not /run or /tmp, which may forbid to execute job scripts
mark="# The test cluster of augtrial (tests/slurm_cluster.sh)"
host=$(hostname -s)

configuration() {
    cat <<CONF
$mark
ClusterName=augtrial
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
StateSaveLocation=$home/slurmctld
SlurmdSpoolDir=$home/slurmd
SlurmctldPidFile=$home/slurmctld.pid
SlurmdPidFile=$home/slurmd.pid
SlurmctldLogFile=$home/slurmctld.log
SlurmdLogFile=$home/slurmd.log
# Without control groups, which a container does not give.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
# A job that has room need not wait behind one that has none.
SchedulerParameters=bf_interval=1
# There is no accounting database: squeue tells of jobs that have ended, for an hour.
MinJobAge=3600
# The node may have more cores and memory than the machine.
SlurmdParameters=config_overrides
NodeName=$host NodeAddr=127.0.0.1 CPUs=6 RealMemory=16000 Gres=gpu:2
PartitionName=main Nodes=$host Default=YES MaxTime=1-0
CONF
}

start() {
    if [ -e $etc/slurm.conf ] && ! grep -qF "$mark" $etc/slurm.conf; then
        echo "$etc/slurm.conf is of another cluster: nothing is changed" >&2
        exit 1
    fi
    stop
    mkdir -p $home/slurmctld $home/slurmd $home/devices
    chmod 755 $home
    # A GPU without a file is refused with its node, and one whose file is no device gives its jobs
    # no CUDA_VISIBLE_DEVICES; which device it is does not matter, since nothing opens it.
    for number in 0 1; do
        mknod $home/devices/gpu$number c 1 3
    done
    configuration > $etc/slurm.conf
    printf '%s\n' "$mark" "NodeName=$host Name=gpu File=$home/devices/gpu[0-1]" > $etc/gres.conf
    if ! munge -n 2>/dev/null | unmunge >/dev/null 2>&1; then
        install -d -o munge -g munge -m 755 /run/munge
        runuser -u munge -- munged --pid-file=/run/munge/augtrial.pid
        ln -s /run/munge/augtrial.pid $home/munged.pid
    fi
    slurmctld
    slurmd
    for _ in $(seq 30); do
        if [ "$(timeout 2 sinfo --noheader --format=%T 2>/dev/null)" = idle ]; then
            return
        fi
        sleep 0.5
    done
    tail -n 20 $home/*.log >&2
    stop
    exit 1
}

# Ends only what `start` began, and takes away what it wrote.
stop() {
    if grep -qsF "$mark" $etc/slurm.conf; then
        timeout 5 squeue --noheader --format=%i 2>/dev/null | xargs --no-run-if-empty scancel || true
    fi
    for daemon in slurmd slurmctld munged; do
        # After a crash the number may be another program's.
        pid=$(cat $home/$daemon.pid 2>/dev/null || true)
        if [ -n "$pid" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = $daemon ]; then
            kill "$pid"
        else
            rm -f $home/$daemon.pid
        fi
        # A daemon takes its file away when it ends.
        for _ in $(seq 60); do
            [ -e $home/$daemon.pid ] || break
            sleep 0.5
        done
    done
    if grep -qsF "$mark" $etc/slurm.conf; then
        rm -f $etc/slurm.conf $etc/gres.conf
    fi
    rm -rf $home
}

case "${1:-}" in
    start | stop) "$1" ;;
    *) echo "usage: $0 start|stop" >&2; exit 2 ;;
esac
