# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""One job, as fio's words and as penstock bench's, so that both do the same."""

from dataclasses import dataclass

# How fio does what a path does. Of `bar` see words_of_fio.
ENGINES = {
    "nvme": ("--ioengine=io_uring_cmd", "--cmd_type=nvme", "--fixedbufs=1", "--registerfiles=1"),
    "bar": ("--ioengine=io_uring_cmd", "--cmd_type=nvme", "--registerfiles=1"),
    "read": ("--ioengine=io_uring", "--direct=1", "--fixedbufs=1", "--registerfiles=1"),
    "pread": ("--ioengine=psync", "--direct=0", "--invalidate=0"),
}


@dataclass(frozen=True)
class Job:
    """Options that mean the same to both, as they are written."""
    rw: str = "randread"
    bs: str = "4k"
    iodepth: int = 32
    numjobs: int = 1
    runtime: str = "2s"
    ramp_time: str = "500ms"

    def title(self, whole_file=False):
        how_long = "the whole file" if whole_file else f"{self.runtime} a run after {self.ramp_time}"
        return f"rw={self.rw} bs={self.bs} iodepth={self.iodepth} numjobs={self.numjobs}, {how_long}"


def words_of_fio(path, volume, job, peer_memory="", fio="fio", is_timed=True):
    """`peer_memory`: for path bar, the file by which peer-to-peer memory is mapped. `is_timed`: whether fio is to look at the
    clock for every read, as bench does and the bare driver does not.

    fio submits and reaps in batches as large as they come, which is faster than its default and what penstock does, too; and it
    picks any block each time. Its psync has one read in flight a job, so that what is a depth elsewhere is as many jobs there.
    Latencies are those from the start of submission to the end, as bench's `total` is."""
    depth, jobs = (1, job.numjobs * job.iodepth) if path == "pread" else (job.iodepth, job.numjobs)
    least, _, most = job.bs.partition("-")
    words = [fio, "--name=x", f"--filename={volume}", "--readonly", *ENGINES[path], f"--rw={job.rw}", "--norandommap=1",
             f"--bsrange={least}-{most}" if most else f"--bs={least}", f"--iodepth={depth}", f"--iodepth_batch={depth}",
             "--iodepth_batch_complete_min=1", f"--iodepth_batch_complete_max={depth}", f"--numjobs={jobs}", "--time_based",
             f"--runtime={job.runtime}", f"--ramp_time={job.ramp_time}", "--group_reporting=1", "--output-format=json"]
    timing = ["--lat_percentiles=1", "--clat_percentiles=0", "--percentile_list=50:90:99:99.9"]
    words += timing if is_timed else ["--gtod_reduce=1"]
    return words + [f"--iomem=mmapshared:{peer_memory}"] * (path == "bar")


def words_of_bench(path, volume, job, penstock, seed=1, buffer=""):
    """`buffer`: for path bar, penstock's own word for where the bytes land."""
    return [penstock, "bench", volume, f"--paths={path}", *([f"--buffer={buffer}"] if buffer else []), f"--rw={job.rw}",
            f"--bs={job.bs}", f"--iodepth={job.iodepth}", f"--numjobs={job.numjobs}", f"--runtime={job.runtime}",
            f"--ramp_time={job.ramp_time}", f"--seed={seed}", "--output-format=json"]
