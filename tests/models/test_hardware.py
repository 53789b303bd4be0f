"""Free memory, seen through the limits of containers."""

import psutil
import pytest

from qwen_ui.models.hardware import Device, cpu

MB = 1_000_000


def group(folder, limit, used, inactive):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {inactive}\n")


def test_without_a_container_it_is_what_the_system_has(tmp_path):
    assert cpu(tmp_path).free == pytest.approx(psutil.virtual_memory().available, rel=0.2)


def test_a_container_limits_it(tmp_path):
    group(tmp_path / "sys/fs/cgroup", 500 * MB, 200 * MB, 50 * MB)
    assert cpu(tmp_path).free == 350 * MB


def test_the_tightest_of_nested_groups_counts(tmp_path):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/user.slice/app.scope\n")
    group(tmp_path / "sys/fs/cgroup/user.slice", 100 * MB, 40 * MB, 0)
    group(tmp_path / "sys/fs/cgroup/user.slice/app.scope", "max", 30 * MB, 0)
    assert cpu(tmp_path).free == 60 * MB


def test_a_full_container_has_nothing_free(tmp_path):
    group(tmp_path / "sys/fs/cgroup", 100 * MB, 101 * MB, 0)
    assert cpu(tmp_path).free == 0


def test_cgroup_v1(tmp_path):
    folder = tmp_path / "sys/fs/cgroup/memory"
    folder.mkdir(parents=True)
    (folder / "memory.limit_in_bytes").write_text(f"{300 * MB}\n")
    (folder / "memory.usage_in_bytes").write_text(f"{200 * MB}\n")
    (folder / "memory.stat").write_text(f"total_inactive_file {20 * MB}\n")
    assert cpu(tmp_path).free == 120 * MB


def test_what_torch_calls_a_device():
    assert Device("cpu", "cpu", 0).torch_name == "cpu"
    assert Device("cuda", "GPU", 0, index=1).torch_name == "cuda:1"
