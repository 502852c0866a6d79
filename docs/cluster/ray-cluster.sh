#!/bin/bash
# A Ray cluster by hand: run on the head first, then on every other machine with the head's address, from a checkout on
# a shared file system.
#   bash docs/cluster/ray-cluster.sh                  # on the head
#   bash docs/cluster/ray-cluster.sh HEAD:6379        # on the others
#   ./launch.sh init_activation --dataset=mnist --engine="ray(address='auto',gpus=1)" --pack=vmap     # on the head
set -euo pipefail
./launch.sh init_activation --engine=ray --help >/dev/null  # sets up .venv with Ray
if [ $# -eq 0 ]; then
  .venv/bin/ray start --head --port=6379
else
  .venv/bin/ray start --address="$1"
fi
