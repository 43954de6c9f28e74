#!/usr/bin/env bash
# Run by Snakemake inside the new environment, from the folder that Snakemake was started in.
set -euo pipefail
pip install --no-deps --editable .
