# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
# Debian 12, or another Debian or Ubuntu of the build argument: build and test stages.
#   docker build --file scripts/containers/debian.Dockerfile --target build .
#   docker build --file scripts/containers/debian.Dockerfile --target test --build-arg BASE=debian:trixie .
# Nothing comes from anywhere but the base image and the distribution's packages, which scripts/setup installs.
ARG BASE=debian:bookworm
FROM ${BASE} AS packages
ENV LANG=C.UTF-8
WORKDIR /penstock
COPY scripts/setup scripts/setup
# git refuses a tree of another owner, which a mounted one is.
RUN apt-get update && scripts/setup build test check hip fuzz && git config --system --add safe.directory '*'

FROM packages AS build
COPY . .
RUN scripts/ci build-gcc-release

# The sandbox of a build forbids io_uring: tests that need it are skipped there, and say so.
FROM packages AS test
COPY . .
RUN scripts/ci unit

# For the workflows, which mount the tree into it.
FROM packages AS ci
