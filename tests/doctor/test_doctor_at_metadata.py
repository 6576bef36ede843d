"""The doctor at metadata services that are there, are not, or are something else."""

from pathlib import Path

from services.operations.doctor.findings import Finding, Part, Result
from services.operations.doctor.metadata import AZURES_TAG, MetadataPlace, examine_metadata, is_azures
from services.vmwatch.documents import API_VERSION
from services.vmwatch.emulator.testing import EmulatedImds
from services.vmwatch.instance import Overrides
from shared.clock import SystemClock
from tests.parts.doctoring import failed, findings_of, results
from tests.parts.ports import free_port
from tests.parts.recorder import Recorder


async def examined(url: str, seconds: float = 5.0) -> list[Finding]:
    place = MetadataPlace(url=url, api_version=API_VERSION, overrides=Overrides())
    return await findings_of(lambda notes: examine_metadata(place, SystemClock(), seconds, notes), Part.METADATA)


async def test_a_service_that_answers_tells_who_this_vm_is_and_how_long_it_took() -> None:
    with EmulatedImds(["db-0:db@10.0.0.4"]) as imds:
        found = await examined(imds.url("db-0"))
    said = " ".join(each.message for each in found)
    assert "this VM is db-0; pools: db" in said
    assert "it answers about events in" in said
    assert results(found)["clock"] is Result.OK


async def test_a_machine_that_is_none_of_azures_is_told_so() -> None:
    found = await examined(f"http://127.0.0.1:{free_port()}")
    assert failed(found).check == "reached"
    assert ("does not look like an Azure VM" in failed(found).message) is (is_azures() is False)


async def test_a_first_answer_that_takes_long_is_told_with_the_flag_that_waits_for_it() -> None:
    with EmulatedImds(["db-0"], first_call_delay=60) as imds:
        found = await examined(imds.url("db-0"), 0.3)
    assert "two minutes" in failed(found).remedy or "not look like" in failed(found).message


async def test_what_is_no_metadata_service_is_told() -> None:
    async with Recorder("127.0.0.1") as page:
        found = await examined(f"http://127.0.0.1:{page.port}")
    assert failed(found).part is Part.METADATA


def test_azures_machines_are_known_by_their_firmware(tmp_path: Path) -> None:
    tag = tmp_path / "chassis_asset_tag"
    assert is_azures(tag) is None
    tag.write_text(f"{AZURES_TAG}\n")
    assert is_azures(tag) is True
    tag.write_text("Default string\n")
    assert is_azures(tag) is False
