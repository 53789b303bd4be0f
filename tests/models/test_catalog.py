"""The catalog's shapes give the published sizes, and the choice follows the table."""

import pytest

from qwen_ui.models.catalog import CATALOG, choose
from qwen_ui.models.estimate import estimate
from qwen_ui.models.hardware import Device
from qwen_ui.settings import Settings

GB = 10**9
SETTINGS = Settings()


def cpu(free: float = 16) -> Device:
    return Device("cpu", "cpu", int(free * GB))


def gpu(free: float) -> Device:
    return Device("cuda", "Test GPU", int(free * GB))


@pytest.mark.parametrize(
    ("name", "parameters", "without_embeddings"),
    [
        # Qwen2.5's model cards: "Number of Parameters" and "(Non-Embedding)", in 10^9.
        ("Qwen2.5-0.5B-Instruct", 0.49, 0.36),
        ("Qwen2.5-1.5B-Instruct", 1.54, 1.31),
        ("Qwen2.5-3B-Instruct", 3.09, 2.77),
        ("Qwen2.5-7B-Instruct", 7.61, 6.53),
    ],
)
def test_parameter_counts_are_the_published_ones(name, parameters, without_embeddings):
    known = next(known for known in CATALOG if known.name == name)
    embeddings = known.size.largest * (1 if known.tied else 2)
    assert known.size.parameters / GB == pytest.approx(parameters, abs=0.006)
    assert (known.size.parameters - embeddings) / GB == pytest.approx(without_embeddings, abs=0.006)


def test_the_catalog_goes_from_large_to_small():
    sizes = [known.size.parameters for known in CATALOG]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(
    ("free", "expected"),
    [(80, "7B"), (24, "7B"), (16, "7B"), (8, "3B"), (6, "3B"), (3.5, "1.5B"), (2.5, "0.5B")],
)
def test_a_gpu_gets_the_largest_that_fits(free, expected):
    choice = choose([gpu(free), cpu()], "4bit", SETTINGS)
    assert choice is not None
    assert (choice[0].name, choice[1].kind) == (f"Qwen2.5-{expected}-Instruct", "cuda")


def test_more_bits_make_a_smaller_choice():
    choice = choose([gpu(12), cpu()], "bf16", SETTINGS)
    assert choice is not None
    assert choice[0].name == "Qwen2.5-3B-Instruct"


@pytest.mark.parametrize("devices", [[cpu(500)], [gpu(0.5), cpu(500)]])
def test_the_cpu_gets_the_smallest_however_much_memory_there_is(devices):
    choice = choose(devices, "4bit", SETTINGS)
    assert choice is not None
    assert (choice[0].name, choice[1].kind) == ("Qwen2.5-0.5B-Instruct", "cpu")


def test_nothing_is_chosen_where_nothing_fits():
    assert choose([gpu(0.5), cpu(0.5)], "4bit", SETTINGS) is None


def test_only_the_given_ones_are_chosen_from():
    among = [known for known in CATALOG if known.name in {"Qwen2.5-3B-Instruct", "Qwen2.5-1.5B-Instruct"}]
    on_gpu, on_cpu = choose([gpu(24)], "4bit", SETTINGS, among), choose([cpu(24)], "4bit", SETTINGS, among)
    assert on_gpu is not None and on_gpu[0].name == "Qwen2.5-3B-Instruct"
    assert on_cpu is not None and on_cpu[0].name == "Qwen2.5-1.5B-Instruct"
    assert choose([cpu(24)], "4bit", SETTINGS, []) is None


T4 = Device("cuda", "Tesla T4", int(15.6 * GB), bf16=False)
L4 = Device("cuda", "NVIDIA L4", int(23.4 * GB))
A10G = Device("cuda", "NVIDIA A10G", int(23.5 * GB))
ZERO = Device("cuda", "NVIDIA H200 (ZeroGPU)", int(74.3 * GB), staged=True)


@pytest.mark.parametrize(
    ("devices", "packing", "expected"),
    [
        ([cpu(15)], "4bit", "0.5B"),  # CPU basic: 2 cores, 16 GB
        ([T4, cpu(14)], "4bit", "7B"),
        ([L4, cpu(29)], "4bit", "7B"),
        ([A10G, cpu(14)], "4bit", "7B"),
        ([ZERO], "bf16", "7B"),
    ],
)
def test_the_hardware_of_spaces_gets_the_right_model(devices, packing, expected):
    choice = choose(devices, packing, SETTINGS)
    assert choice is not None
    known, device = choice
    assert (known.name, device) == (f"Qwen2.5-{expected}-Instruct", devices[0])


def test_a_t4_keeps_room_for_several_answers_at_once():
    """In fp32 the cache takes twice the memory: less than the 2,000 tokens a request, but more than one context."""
    needs = estimate(CATALOG[0].size, "4bit", T4, SETTINGS)
    assert needs.fits
    assert needs.kv_bytes_per_token == 2 * estimate(CATALOG[0].size, "4bit", L4, SETTINGS).kv_bytes_per_token
    assert needs.cache_tokens > 2 * SETTINGS.max_context
