#!/bin/bash
# xpk, TPUs on GKE: 16 workloads on slices of one host (v6e-4), each of which trains a part.
#   bash docs/cluster/xpk.sh CLUSTER REGISTRY/assay-tpu
# The image is docs/cluster/Dockerfile with ACCELERATOR=tpu; /shared is a file store of the cluster:
#   xpk storage attach assay --cluster=CLUSTER --type=gcpfilestore --vol=default --auto-mount=true \
#     --mount-point=/shared --readonly=false
set -euo pipefail
cluster=$1 image=$2
for part in $(seq 0 15); do
  xpk workload create --cluster="$cluster" --workload="assay-$part" --tpu-type=v6e-4 --num-slices=1 \
    --docker-image="$image" --max-restarts=20 --restart-on-exit-codes=75 --command="export XDG_CACHE_HOME=/shared/cache; \
    cd /assay; ./launch.sh init_activation --dataset=mnist --pack=shard --runs=/shared/runs --part=$part/16"
done
# Data parallel over the 4 hosts of a larger slice is one workload, with --tpu-type=v6e-16 and the command
#   ./launch.sh plain_vs_residual --pack=data --runs=/shared/runs
