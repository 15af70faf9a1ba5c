// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "benchmarks/bench/bench_request.h"

namespace penstock::bench {
namespace {

constexpr char kHelp[] =
    R"(penstock bench reads volumes by every path of this host, and tells how fast, how late, and whether it can be believed.

usage: penstock bench VOLUME... [options]
       penstock bench FILE.fio [VOLUME...] [options]

A VOLUME is a file, a block device or an NVMe namespace (/dev/ng0n1, /dev/nvme0n1, /dev/disk/by-id/...), and is only read.
Options have fio's names where fio has them. Where a LIST may be given (a,b,c), every combination of the lists is a run. Sizes are
bytes, or 4k, 64KiB, 1M, 1MiB, 1G, 1T: units are powers of 1024. Durations are seconds, or 500ms, 10s, 2m, 1h.

what is read
  --rw=LIST          read (one block after the other, the default), randread
  --bs=LIST          bytes a read (default: 4k): a size, 4k,128k, or 4k-64k, each multiple of 4k among which comes as often.
                     Whole blocks of the volume, at most 256MiB
  --offset=0         where to start on each volume
  --size=SIZE        how much of each volume (default: to its end)
  --random_distribution=uniform|zipf:THETA
                     of randread: each block as often as any other, or a few blocks very often
  --seed=1           another seed is another order

how it is read
  --paths=all        every path; those that cannot be used are reported, with the remedy. Or a LIST of these, which must work:
                     bar    NVMe passthrough straight into a device's memory; needs --buffer=window or p2pmem
                     nvme   NVMe passthrough into registered host buffers
                     read   io_uring READ_FIXED with O_DIRECT into registered buffers
                     pread  plain reads through the page cache
  --iodepth=LIST     reads in flight of each job (default: 1), at most 4096
  --numjobs=LIST     threads, each with queue, buffers and device of its own (default: 1); at most 16384 reads in flight in all
  --batch_submit=1   reads that are gathered before they are handed to the kernel, at most iodepth
  --batch_complete=1 ends that are waited for at once, at most iodepth
  --iopoll           completions are polled for (needs nvme.poll_queues); not for path pread
  --sqpoll           a kernel thread submits; not for path pread
  --rate=SIZE        bytes a second of each job, begun on a fixed schedule: what waits longer than that counts as waiting
  --rate_iops=N      the same in reads a second
  --buffer=pinned    the bytes land in this host's memory; or window[:N] or p2pmem:ADDRESS: see penstock --help
  --hugepages=auto   huge pages for the buffers if there are some; 0: none, 1: refused if there are none
  --cpus=LIST        processors of the jobs' threads, one each in turn, such as 0-3,8
  --numa=N           node of threads and buffers

who looks at it
  --device=none      nobody (the default); cpu: threads of this machine; hip[:N]: a GPU
  --op=none          what the device does with the bytes: none, crc32c, histogram, verify
  --pattern=TEXT     of verify: what the volume holds over and over, from its first byte on
  --workgroups=N     of each job's device (default: what is left of the processors; on a GPU one for each compute unit)

how long
  --runtime=10s      of each run, from 1ms to 168h
  --ramp_time=1s     before it; nothing of that time counts
  --steadystate=2%   the run ends before that when its last ten seconds' rates differ by less than this
  --loops=1          all runs so many times over, up to 1000, and how far they differ

results
  --output=FILE      instead of standard output
  --output-format=normal|json|csv
  --metrics=127.0.0.1:PORT|FILE
                     Prometheus' text while it runs

  --jobfile=FILE     fio's format, as FILE.fio: [global] for all, then sections, each of which is a job: they run one after the
                     other. filename=a:b names volumes. The command line counts more than the file. After -- all are volumes
  --filename=A:B     volumes as in a job file
  --name=NAME        of the job, in results

Exit status: 0 if every run that was demanded ended well and its counters agree with it, 1 if not, 2 for a wrong command line,
130 after Ctrl-C, SIGTERM or SIGHUP, with the results so far.

  penstock bench /dev/ng0n1 --rw=randread --bs=4k --iodepth=1,8,32,128
  penstock bench /dev/ng0n1 --rw=randread --bs=4k,128k --paths=nvme,read --loops=5 --output-format=json --output=a.json
  penstock bench disk.img --rw=read --bs=1M --iodepth=16 --device=cpu --op=crc32c
  penstock bench nightly.fio --runtime=60s
)";

}  // namespace

std::string BenchHelpText() { return kHelp; }

}  // namespace penstock::bench
