# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""`penstock probe` on files, on what is no volume, and on all NVMe namespaces of this machine, of which there may be none."""
import glob
import json
import os

import penstock_command as pc

penstock = pc.command()


def survey(*names, status=0):
    """The JSON survey of a run that must end with this exit status."""
    done = penstock.probe(*names, "--json")
    assert done.returncode == status and done.stderr == "", (done.args, done.returncode, done.stderr, done.stdout)
    return json.loads(done.stdout)


def check_auto_is_what_ingest_takes(where):
    places = [where] + (["/dev/shm"] if os.access("/dev/shm", os.W_OK) else [])
    for place in places:
        with pc.directory(place) as folder:
            file = pc.random_file(os.path.join(folder, "file"), 100_001, 1)
            volume = survey(file)["volume"][0]
            assert volume["name"] == file and volume["size_bytes"] == 100_001 and volume["nvme"] is None, volume
            paths = {finding["path"]: finding for finding in volume["path"]}
            assert set(paths) == {"nvme", "read", "pread", "bar"}, paths
            assert paths["pread"]["works"] and not paths["nvme"]["works"] and not paths["bar"]["works"], paths
            for finding in paths.values():
                assert finding["works"] or (finding["cause"] and finding["remedy"]), finding
            source = penstock.ingest(file)["source"][0]
            assert volume["auto"] == source["path"], (volume, source)
            assert paths["read"]["works"] == (source["path"] == "read"), (paths, source)


def check_empty_file(where):
    """It has no byte that could come out wrong."""
    volume = survey(pc.random_file(os.path.join(where, "empty"), 0, 1))["volume"][0]
    assert volume["auto"] is not None, volume


def check_text(where):
    file = pc.random_file(os.path.join(where, "file"), 5000, 2)
    done = penstock.probe(file)
    assert done.returncode == 0, done
    assert f"kernel         {os.uname().release}\n" in done.stdout, done.stdout
    assert f"{file}  4.88 KiB\n" in done.stdout and "  pread  works\n" in done.stdout, done.stdout
    assert "is no NVMe namespace. Fix: " in done.stdout, done.stdout


def check_gpus(where):
    """They can be used, or it says why not."""
    file = pc.random_file(os.path.join(where, "file"), 5000, 4)
    hip = survey(file)["host"]["hip"]
    assert (hip["error"] is None) == bool(hip["gpu"]), hip
    text = penstock.probe(file).stdout
    if hip["error"] is not None:
        assert f"HIP            refused: {hip['error']['cause']}. Fix: {hip['error']['remedy']}.\n" in text, (hip, text)
    for index, gpu in enumerate(hip["gpu"]):
        assert gpu["compute_units"] > 0 and f"--device=hip:{index}: {gpu['name']}, {gpu['architecture']}, " in text, (gpu, text)


def check_what_cannot_be_opened(where):
    file = pc.random_file(os.path.join(where, "file"), 5000, 3)
    nowhere = os.path.join(where, "nowhere")
    volumes = survey(nowhere, file, where, status=1)["volume"]
    assert [volume["name"] for volume in volumes] == [nowhere, file, where], volumes
    assert volumes[0]["error"]["code"] == "NOT_FOUND" and volumes[0]["path"] == [], volumes
    assert volumes[1]["error"] is None and volumes[1]["auto"], volumes
    assert "a directory" in volumes[2]["error"]["cause"] and volumes[2]["error"]["remedy"], volumes
    done = penstock.probe(nowhere)
    assert done.returncode == 1 and "FAILED" in done.stdout and "ENOENT" in done.stdout, done


def check_no_names():
    """Every namespace of the machine, by either of its nodes."""
    present = {os.path.basename(path).replace("ng", "nvme") for path in glob.glob("/sys/class/nvme-generic/ng*")}
    done = penstock.probe("--json")
    names = [volume["name"] for volume in json.loads(done.stdout)["volume"]]
    assert present <= {os.path.basename(name).replace("ng", "nvme") for name in names}, (present, names)
    if not names:
        text = penstock.probe()
        assert done.returncode == text.returncode == 0, (done, text)
        assert "no NVMe namespace on this machine" in text.stdout, text.stdout


def check_wrong_options():
    for option in ("--depth=3", "--path=read", "--pattern=x", "--iopoll", "--nosuch"):
        done = penstock.probe("x", option)
        assert done.returncode == 2 and option.split("=")[0] in done.stderr and "Fix: " in done.stderr, done
        assert done.stdout == "", done


for test in (check_auto_is_what_ingest_takes, check_empty_file, check_text, check_gpus, check_what_cannot_be_opened):
    with pc.directory() as where:
        test(where)
check_no_names()
check_wrong_options()
print("all probed")
