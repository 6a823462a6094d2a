#!/usr/bin/env bash
# Installs this checkout into a new environment, with the embedded FleetLM and the exact versions it was tested with.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
venv=${1:?the folder of the environment is missing, for example: install.sh /tmp/fleetlm-venv}

python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint "$here/constraints.txt" "$here[standin]"
"$venv/bin/fleetlm-bench" --version
