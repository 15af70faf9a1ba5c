#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Checks that workflows, Dockerfiles and .ci/run call stages that scripts/ci has, and that no stage is forgotten."""

import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

try:
    import yaml
except ImportError:
    print("SKIPPED: python3-yaml is not installed. Fix: run scripts/setup test.")
    sys.exit(77)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# Stages that no workflow calls, and why.
NOT_IN_WORKFLOWS = {"test": "its labels have jobs of their own: tests, guest and package"}
# What would bring something from elsewhere than the base image and the distribution's packages.
FETCHES = re.compile(r"\b(curl|wget|pip3?|npm|git clone|add-apt-repository|apt-key)\b|https?://")
VARIABLE = re.compile(r"\$\{\{ matrix\.(\w+) \}\}")


def text_of(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def stages():
    lines = subprocess.run([os.path.join(ROOT, "scripts/ci"), "--list"], capture_output=True, text=True, check=True).stdout
    return [line.split()[0] for line in lines.splitlines()]


def commands_of(job):
    """Every command of a job's steps, once for each row of its matrix."""
    matrix = job.get("strategy", {}).get("matrix", {})
    for values in itertools.product(*matrix.values()):
        row = dict(zip(matrix, values))
        for step in job["steps"]:
            yield VARIABLE.sub(lambda name, row=row: str(row[name[1]]), step.get("run", ""))


def called_by(command):
    """The stages that a command names: of scripts/ci, or of scripts/containers/run after its options."""
    for words in re.findall(r"scripts/(?:ci|containers/run \w+)((?: [^\s;&|]+)*)", command):
        yield from (word for word in words.split() if not word.startswith("--"))


def workflows():
    folder = os.path.join(ROOT, ".github/workflows")
    return {name: yaml.safe_load(text_of(f".github/workflows/{name}")) for name in sorted(os.listdir(folder))}


def dockerfiles():
    folder = os.path.join(ROOT, "scripts/containers")
    return {name: text_of(f"scripts/containers/{name}") for name in os.listdir(folder) if name.endswith(".Dockerfile")}


def instructions(dockerfile):
    lines = re.sub(r"^\s*#.*\n", "", dockerfile, flags=re.M).replace("\\\n", " ").split("\n")
    return [line.split(None, 1) for line in lines if line.strip()]


def folder_of(command):
    """The folder of this tree that scripts/containers/run gives an engine to build in."""
    with tempfile.TemporaryDirectory() as tree:
        for name in ("run", "debian.Dockerfile", "rocm.Dockerfile"):
            os.makedirs(os.path.join(tree, "scripts/containers"), exist_ok=True)
            shutil.copy(os.path.join(ROOT, "scripts/containers", name), os.path.join(tree, "scripts/containers", name))
        said = subprocess.run(command.split(), cwd=tree, env={**os.environ, "ENGINE": "echo"}, capture_output=True, text=True,
                              check=True).stdout
        [folder] = re.findall(rf"--volume {re.escape(os.path.realpath(tree))}/(\S+):/penstock/build ", said)
        assert os.path.isdir(os.path.join(tree, folder)), f"{folder} is not made"
    return folder


class TheStages(unittest.TestCase):
    def test_of_workflows_exist_and_each_is_used_or_left_out_for_a_reason(self):
        used = {stage for workflow in workflows().values() for job in workflow["jobs"].values() for command in commands_of(job)
                for stage in called_by(command)}
        self.assertEqual(used | set(NOT_IN_WORKFLOWS), set(stages()))
        self.assertEqual(used & set(NOT_IN_WORKFLOWS), set())

    def test_of_dockerfiles_and_ci_run_exist(self):
        for name, text in [*dockerfiles().items(), (".ci/run", text_of(".ci/run"))]:
            called = list(called_by(re.sub(r"#.*", "", text)))
            self.assertTrue(called, name)
            self.assertLessEqual(set(called), set(stages()), name)

    def test_that_are_listed_are_those_that_there_are(self):
        functions = re.findall(r"^stage_([\w-]+)\(\)", text_of("scripts/ci"), re.M)
        self.assertEqual(sorted(functions), sorted(stages()))

    def test_call_scripts_that_exist(self):
        for script in re.findall(r"scripts/\w+", text_of("scripts/ci")):
            self.assertTrue(os.path.exists(os.path.join(ROOT, script)), script)


class Workflows(unittest.TestCase):
    def test_have_jobs_with_a_limit_in_time_whose_steps_do_something(self):
        for name, workflow in workflows().items():
            self.assertTrue(workflow["jobs"], name)
            for job, content in workflow["jobs"].items():
                self.assertIn("timeout-minutes", content, f"{name}: {job}")
                self.assertTrue(all("run" in step or "uses" in step for step in content["steps"]), f"{name}: {job}")

    def test_name_dockerfiles_that_there_are(self):
        for workflow in workflows().values():
            for job in workflow["jobs"].values():
                for command in commands_of(job):
                    for name in re.findall(r"scripts/containers/run (\w+)", command):
                        self.assertIn(f"{name}.Dockerfile", dockerfiles())


    def test_upload_what_their_container_leaves_in_the_tree(self):
        for workflow in workflows().values():
            for job, content in workflow["jobs"].items():
                paths = [path for step in content["steps"] for path in step.get("with", {}).get("path", "").split()]
                if paths:
                    folder = folder_of(*re.findall(r"scripts/containers/run .*", "\n".join(commands_of(content))))
                    self.assertTrue(all(path.startswith(f"{folder}/") for path in paths), f"{job}: {paths} are not in {folder}")


class AContainer(unittest.TestCase):
    def test_has_a_build_folder_of_its_own_for_each_image(self):
        self.assertEqual("build/container_debian", folder_of("scripts/containers/run debian unit"))
        self.assertEqual("build/container_debian_ubuntu_24.04",
                         folder_of("scripts/containers/run debian --build-arg=BASE=ubuntu:24.04 unit"))

    def test_is_not_given_what_was_built_outside(self):
        self.assertIn("build", text_of(".dockerignore").split())


class Dockerfiles(unittest.TestCase):
    def test_have_a_build_a_test_and_a_ci_stage(self):
        for name, text in dockerfiles().items():
            names = {what.split()[-1] for verb, what in instructions(text) if verb == "FROM"}
            self.assertLessEqual({"build", "test", "ci"}, names, name)

    def test_fetch_nothing_but_packages_of_the_distribution(self):
        for name, text in dockerfiles().items():
            for verb, what in instructions(text):
                self.assertIn(verb, {"ARG", "FROM", "ENV", "WORKDIR", "COPY", "RUN"}, name)
                self.assertIsNone(FETCHES.search(what), f"{name}: {what}")


class SeededViolation(unittest.TestCase):
    def test_stages_are_found_in_commands(self):
        self.assertEqual(list(called_by("scripts/ci unit asan && echo x")), ["unit", "asan"])
        self.assertEqual(list(called_by("scripts/containers/run rocm --build-arg=ROCM=7.0.2 hip")), ["hip"])

    def test_a_matrix_is_written_out(self):
        job = {"strategy": {"matrix": {"a": ["x", "y"]}}, "steps": [{"uses": "z"}, {"run": "scripts/ci ${{ matrix.a }}"}]}
        self.assertEqual([c for c in commands_of(job) if c], ["scripts/ci x", "scripts/ci y"])

    def test_what_fetches_is_seen(self):
        for line in ("pip install x", "wget x", "curl -O x", "https://x", "git clone x"):
            self.assertIsNotNone(FETCHES.search(line))
        self.assertEqual(instructions("# ADD x\nRUN a \\\n  b\nADD http://x /y\n"), [["RUN", "a    b"], ["ADD", "http://x /y"]])


if __name__ == "__main__":
    unittest.main()
