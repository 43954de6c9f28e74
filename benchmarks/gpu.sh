#!/usr/bin/env bash
# Every check and figure that needs a GPU, in one go: bash benchmarks/gpu.sh [folder for the output]
#
# Needs DAVIS 2016 in $COMMONFATE_DAVIS_DIR (else ../shared/data/DAVIS2016). A failing part does not stop the
# others; the last line says how many failed. A quarter of an hour was planned for an H100 with 16 cores:
# PARTS="tests steps flow" leaves the trainings out, which take most of it.
set -u
cd "$(dirname "$0")/.."
output=${1:-results/gpu}
export COMMONFATE_DAVIS_DIR=${COMMONFATE_DAVIS_DIR:-$PWD/../shared/data/DAVIS2016}
parts=${PARTS:-tests steps flow trainings}
cores=$(nproc)
failed=0

for chosen in $parts; do
    [[ " tests steps flow trainings " == *" $chosen "* ]] && continue
    echo "PARTS: $chosen is unknown; known: tests steps flow trainings"
    exit 2
done
if ! python -c "import sys, torch; sys.exit(not torch.cuda.is_available())"; then
    echo "torch sees no GPU here (or is not installed: . .venv/bin/activate)"
    exit 2
fi
mkdir -p "$output"

part() { # name command...: run it, keep what it says, show the end of that
    local name=$1
    shift
    echo "== $(date +%T) $name"
    "$@" >"$output/$name.txt" 2>&1 || { failed=$((failed + 1)) && echo "failed: $name"; }
    tail -n 12 "$output/$name.txt"
}

davis() { # targets of the scale davis_gpu
    snakemake --quiet rules --cores "$cores" --set-threads "train=$cores" \
        --configfile config/davis_gpu.yaml \
        --config "datasets={davis2016: {root: $COMMONFATE_DAVIS_DIR}}" -- "$@"
}

for chosen in $parts; do
    case $chosen in
        tests)
            part tests pytest -q tests/unit/methods/test_methods_on_gpu.py tests/unit/flow/test_flow_networks.py
            ;;
        steps)
            part gwm_step python benchmarks/gwm_step.py --device cuda --steps 40 --workers 0 --workers "$cores"
            part amd_step python benchmarks/amd_step.py --device cuda --crop 384 384 --pairs 8 --steps 10
            ;;
        flow)
            part networks python benchmarks/networks.py --device cuda --network raft --network raft_small \
                --network pwcnet --iterations 20 --frames 24 --threads 8
            part settings python benchmarks/networks.py --device cuda --network raft --iterations 20 \
                --frames 24 --threads 8 --settings
            ;;
        trainings)
            part table1 davis results/davis_gpu/tables/table1.csv
            part amd_table3 davis results/davis_gpu/tables/amd_table3.csv
            ;;
    esac
done
echo "== $(date +%T) $failed parts failed; all of what they said: $output"
exit "$((failed > 0))"
