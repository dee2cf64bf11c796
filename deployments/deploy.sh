#!/bin/sh
# Make the work pool, the queue of single recordings and all deployments; safe to run again.
#   PREFECT_API_URL=http://HOST:4200/api sh deployments/deploy.sh
# POOL_TYPE is process or kubernetes; RECORDINGS is how many recordings run at the same time with
# runner = "workers": with GPUs, as many as there are.
set -eu
pool_type=${POOL_TYPE:-process}
recordings=${RECORDINGS:-1}
set -- --type "$pool_type" --overwrite
if [ "$pool_type" = kubernetes ]; then
  set -- "$@" --base-job-template deployments/kubernetes-job.json
fi
prefect work-pool create meetings "$@"
prefect work-queue create recordings --pool meetings --limit "$recordings" ||
  prefect work-queue set-concurrency-limit recordings "$recordings" --pool meetings
prefect --no-prompt deploy --all --prefect-file deployments/prefect.yaml
