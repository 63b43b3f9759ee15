#!/bin/sh
# A whole study on a GPU machine that has PyTorch, NumPy and pandas and little time at once.
#
#   benchmarks/gpu_study.sh prepare FOLDER CONFIG [KEY=VALUE ...]   at home: ROIs into FOLDER/bundle
#   benchmarks/gpu_study.sh run FOLDER [MINUTES]                    there: goes on for 9 minutes
#   benchmarks/gpu_study.sh tables FOLDER                           at home: endpoints and verdicts
#
# FOLDER travels both ways: its bundle (some ten MB) there, its tables back. `run` ends with 0 when
# all is done and with 75 when there is more to do; called again, there or on another machine with
# the tables so far, it goes on. Synthesizers and their images stay there: where they are lost, the
# classifiers that still need them train them anew. Networks never travel.
set -eu
what=$1 folder=$2
shift 2
root=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONPATH="$root/src:$root${PYTHONPATH:+:$PYTHONPATH}"
python=$root/.venv/bin/python
[ -x "$python" ] || python=python3
case $what in
prepare) exec "$python" -m benchmarks.gpu_bundle prepare "$folder" "$@" ;;
run) exec "$python" -m benchmarks.gpu_study "$folder" "${1:-9}" ;;
tables) exec "$python" -m benchmarks.gpu_bundle tables "$folder" ;;
*)
    sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
