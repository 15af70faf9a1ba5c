# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# AMD's image of Ubuntu 24.04 with ROCm: build and test stages with its hipcc and its runtime library.
#   docker build --file scripts/containers/rocm.Dockerfile --build-arg ROCM=6.4.4 --target test .
#   docker build --file scripts/containers/rocm.Dockerfile --build-arg ROCM=7.0.2 --target test .
# Nothing comes from anywhere but the base image and the distribution's packages, which scripts/setup installs.
ARG ROCM=6.4.4
FROM rocm/dev-ubuntu-24.04:${ROCM} AS packages
ENV LANG=C.UTF-8 PATH=/opt/rocm/bin:${PATH}
WORKDIR /penstock
COPY scripts/setup scripts/setup
RUN apt-get update && scripts/setup build test && git config --system --add safe.directory '*'

FROM packages AS build
COPY . .
RUN scripts/ci hip

# The sandbox of a build forbids io_uring: tests that need it are skipped there, and say so.
FROM packages AS test
COPY . .
RUN scripts/ci hip unit

# For the workflows, which mount the tree into it.
FROM packages AS ci
