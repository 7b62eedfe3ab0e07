#!/bin/sh
# The KD ticket against rewinding at the paper's length, seed by seed: run.sh [SEEDS [OPTION]...]. From the project's root; continues where it was stopped.
set -eu
seeds=${1:-0}
[ $# = 0 ] || shift
export WINNOW_ISA=avx512
exec "${WINNOW:-build/winnow}" run examples/papers/kd-ticket-cifar10-resnet20.yaml \
    --set name=cifar10-resnet20-full \
    --set 'compare.methods=[dense, dense-kd, lottery-ticket, weight-rewind, kd-ticket, kd-weight-rewind, kd-batchmean, random-ticket, kd-random-ticket]' \
    --set 'compare.sparsity=[95%]' --set "compare.seeds=$seeds" \
    --set 'methods.dense-kd={like: kd-ticket, mask: none}' \
    --set 'methods.kd-batchmean={like: kd-ticket, labels: {soft: {kl: batchmean}}}' \
    --set 'report={baseline: [dense, lottery-ticket], margin: 0.3, claims: [
        kd-ticket better than lottery-ticket, kd-ticket better than weight-rewind, kd-ticket not worse than weight-rewind,
        kd-weight-rewind better than weight-rewind, kd-batchmean better than kd-ticket, kd-batchmean better than weight-rewind,
        dense-kd better than dense, lottery-ticket better than random-ticket, kd-ticket better than kd-random-ticket,
        weight-rewind better than lottery-ticket]}' "$@"
