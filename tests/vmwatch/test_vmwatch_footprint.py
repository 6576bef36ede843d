"""A watcher is small and quick; `make bench BENCH=--watcher` measures it properly."""

from pathlib import Path

from tests.bench.watcher import CPU_LIMIT, DETECTION_LIMIT, MEMORY_LIMIT, measure_watcher


async def test_a_watcher_stays_within_its_limits(tmp_path: Path) -> None:
    found = await measure_watcher(tmp_path, events=4, polls=8, poll_seconds=0.25)
    assert found.memory < MEMORY_LIMIT
    assert found.per_poll < CPU_LIMIT
    # The best one, as others use the machine, too: what the watcher itself puts in is in each of them.
    assert min(found.detections) < DETECTION_LIMIT
