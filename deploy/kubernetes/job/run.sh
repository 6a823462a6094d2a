#!/usr/bin/env bash
# One headless run: prints the master's log and exits with its exit code, which is the verdict.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
namespace=fleetlm-load

# Deletes in the foreground, so that no pod of the last run is mistaken for one of this run.
kubectl --namespace "$namespace" delete job master worker --ignore-not-found --cascade=foreground
kubectl apply -k "$here"

# If the log breaks off, the run may still be going on.
kubectl --namespace "$namespace" logs --follow --pod-running-timeout=15m job/master || true

of_master() {
  kubectl --namespace "$namespace" get pod -l app.kubernetes.io/component=master,form=job -o jsonpath="{.items[*].status.$1}"
}
for ((looks_left = 30; looks_left > 0; looks_left--)); do
  code=$(of_master 'containerStatuses[*].state.terminated.exitCode')
  if [[ -n $code ]]; then
    exit "$code"
  fi
  if [[ $(of_master phase) == Running ]]; then
    looks_left=30
  fi
  sleep 2
done
echo "the master never ran, or its pod is gone: kubectl --namespace $namespace describe job/master" >&2
exit 1
