#!/bin/sh
# A whole study on a GPU machine that is lent for minutes at a time: it needs PyTorch, NumPy, pandas,
# SciPy, scikit-learn, OpenCV, filelock and PyYAML there, and pydantic, which can travel along.
#
#   benchmarks/gpu_study.sh prepare FOLDER CONFIG [KEY=VALUE ...] [--packages VERSION]   at home
#   benchmarks/gpu_study.sh run FOLDER [MINUTES]                    there: goes on for 9 minutes
#   benchmarks/gpu_study.sh tables FOLDER                           at home: endpoints and verdicts
#
# `prepare` writes ROIs into FOLDER, some ten MB, and with --packages 3.12 pydantic for that Python,
# on Linux. FOLDER/finished, a few MB, travels back. `run` ends with 0 when all is done and with 75
# when there is more to do; called again, there or on another machine with FOLDER/finished so far, it
# goes on. Networks, samples and variants stay there: where they are lost, the classifiers that still
# need them make them anew.
set -eu
what=$1 folder=$2
shift 2
root=$(cd "$(dirname "$0")/.." && pwd)
export PYTHONPATH="$root/src:$root${PYTHONPATH:+:$PYTHONPATH}"
python=$root/.venv/bin/python
[ -x "$python" ] || python=python3
case $what in
prepare) exec "$python" -m benchmarks.gpu_bundle prepare "$folder" "$@" ;;
run)
    packages=$(cd "$folder" && pwd)/packages
    [ ! -d "$packages" ] || export PYTHONPATH="$packages:$PYTHONPATH"
    exec "$python" -m benchmarks.gpu_study "$folder" "${1:-9}"
    ;;
tables) exec "$python" -m benchmarks.gpu_bundle tables "$folder" ;;
*)
    sed -n '2,15s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
