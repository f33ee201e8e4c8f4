"""Files that other tools wrote."""

import csv
import json

import pytest

import footprint as fp
from footprint.errors import DataError
from footprint.integrations.codecarbon import cross_check, read_emissions_csv
from footprint.integrations.nvflare import read_job_stats
from footprint.model import Basis, Phase, Role, Severity, Tier

# One row of codecarbon 3.3.2, as it wrote it.
ROW = {
    "timestamp": "2026-11-20T11:53:46",
    "project_name": "digits",
    "run_id": "5e3ed672-05a9-4523-a726-2dc44d14be1c",
    "experiment_id": "5b0fa12a-3dd7-45bb-9766-cc326314d9f1",
    "duration": "5.001284949000365",
    "emissions": "1.650064386386602e-06",
    "emissions_rate": "3.2992808912365807e-07",
    "cpu_power": "1.5995243458019721",
    "gpu_power": "0.0",
    "ram_power": "20.0",
    "cpu_energy": "2.3866589923341586e-06",
    "gpu_energy": "0.0",
    "ram_energy": "2.7058270188889665e-05",
    "energy_consumed": "2.9444929181223823e-05",
    "water_consumed": "0.0",
    "country_name": "France",
    "country_iso_code": "FRA",
    "region": "",
    "cloud_provider": "",
    "cloud_region": "",
    "os": "Linux",
    "python_version": "3.11.7",
    "codecarbon_version": "3.3.2",
    "cpu_count": "2",
    "cpu_model": "AMD EPYC",
    "gpu_count": "0",
    "gpu_model": "",
    "longitude": "2.3",
    "latitude": "48.8",
    "ram_total_size": "23.54",
    "tracking_mode": "machine",
    "cpu_utilization_percent": "54.4",
    "gpu_utilization_percent": "0",
    "ram_utilization_percent": "2.6",
    "ram_used_gb": "0.6",
    "on_cloud": "N",
    "pue": "1.0",
    "wue": "0.0",
}
OLD = ("timestamp", "project_name", "duration", "emissions", "energy_consumed", "country_iso_code")


@pytest.fixture
def emissions(tmp_path):
    def write(*changes, columns=tuple(ROW)):
        path = tmp_path / "emissions.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows({**ROW, **change} for change in changes)
        return path

    return write


def codes(journal):
    return [finding.code for finding in journal.findings]


class TestEmissionsCsv:
    def test_a_row_becomes_an_activity(self, emissions):
        assert len(ROW) == 38
        journal = read_emissions_csv(emissions({}), zone="FR", device="desktop", role="client")
        (activity,) = journal.activities()
        assert (activity.actor, activity.role, activity.phase) == (
            "digits",
            Role.CLIENT,
            Phase.TRAIN,
        )
        assert (activity.zone, activity.device) == ("FR", "desktop")
        assert activity.duration_s == pytest.approx(5.0013, abs=1e-4)
        assert activity.start_s == pytest.approx(1795175626 - 5.0013, abs=1e-3)
        assert activity.energy_kwh == float(ROW["energy_consumed"])
        assert activity.energy_low_kwh == activity.energy_kwh * 0.5
        assert activity.energy_high_kwh == activity.energy_kwh * 2
        assert (activity.tier, activity.basis) == (Tier.E, Basis.MODELLED)
        assert activity.source == "codecarbon/AMD EPYC"
        assert journal.run.name == "digits"
        assert codes(journal) == []

    def test_neither_emissions_nor_the_place_are_taken(self, emissions):
        journal = read_emissions_csv(emissions({}))
        assert journal.columns["zone"] == [None]
        text = repr(journal)
        for name in ("emissions", "longitude", "latitude", "country_iso_code", "country_name"):
            assert ROW[name] not in text

    def test_the_result_can_be_estimated(self, emissions):
        inventory = fp.build_inventory(
            read_emissions_csv(emissions({}), zone="FR", device="desktop")
        )
        assessment = fp.estimate(inventory)
        assert assessment.energy_kwh == pytest.approx(float(ROW["energy_consumed"]))

    def test_columns_are_matched_by_name(self, emissions):
        backwards = read_emissions_csv(emissions({}, columns=tuple(reversed(ROW))))
        assert list(backwards.activities()) == list(read_emissions_csv(emissions({})).activities())

    def test_older_versions_wrote_fewer_columns(self, emissions):
        (activity,) = read_emissions_csv(emissions({}, columns=OLD)).activities()
        assert activity.energy_kwh == float(ROW["energy_consumed"])
        assert activity.source == "codecarbon/unknown hardware"

    def test_a_project_without_a_name_goes_by_its_run(self, emissions):
        journal = read_emissions_csv(emissions({"project_name": "codecarbon"}))
        assert journal.columns["actor"] == [ROW["run_id"]]

    def test_running_totals_are_counted_once(self, emissions):
        first = {"duration": "3", "energy_consumed": "1e-5", "timestamp": "2026-11-20T11:53:44"}
        journal = read_emissions_csv(emissions(first, {}))
        assert journal.total("energy_kwh") == float(ROW["energy_consumed"])
        assert codes(journal) == ["codecarbon-running-total"]

    def test_a_tracker_that_began_anew_is_counted_again(self, emissions):
        again = {"duration": "1", "energy_consumed": "1e-6", "timestamp": "2026-11-20T12:00:00"}
        journal = read_emissions_csv(emissions({}, again))
        assert journal.total("energy_kwh") == pytest.approx(float(ROW["energy_consumed"]) + 1e-6)

    def test_old_files_have_no_run_to_group_by(self, emissions):
        assert len(read_emissions_csv(emissions({}, {}, columns=OLD))) == 2

    def test_overhead_is_divided_out(self, emissions):
        journal = read_emissions_csv(emissions({"pue": "1.5"}))
        assert journal.total("energy_kwh") == pytest.approx(float(ROW["energy_consumed"]) / 1.5)
        assert codes(journal) == ["codecarbon-overhead"]

    def test_no_energy_over_a_time_is_an_error_and_not_a_zero(self, emissions):
        journal = read_emissions_csv(emissions({"energy_consumed": "0.0"}))
        assert journal.columns["energy_kwh"] == [None]
        (finding,) = journal.findings
        assert (finding.code, finding.severity) == ("codecarbon-zero", Severity.ERROR)
        assert finding.place == "emissions.csv:2"

    def test_machines_that_were_counted_twice_are_named(self, emissions):
        rows = [{"run_id": "a"}, {"run_id": "b"}]
        assert codes(read_emissions_csv(emissions(*rows))) == ["codecarbon-machine-twice"]
        rows = [{**row, "tracking_mode": "process"} for row in rows]
        assert codes(read_emissions_csv(emissions(*rows))) == []

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ([c for c in ROW if c != "energy_consumed"], r"csv:1: .*missing: energy_consumed\."),
            ([*ROW, "task_name"], r"csv:1: .*unknown: 'task_name'\."),
        ],
    )
    def test_other_columns(self, emissions, columns, message):
        with pytest.raises(DataError, match=message):
            read_emissions_csv(emissions({"task_name": "x"}, columns=columns))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"energy_consumed": "much"}, "csv:3: energy_consumed is 'much'"),
            ({"energy_consumed": "-1"}, "csv:3: energy_consumed is '-1'"),
            ({"duration": ""}, "csv:3: duration is ''"),
            ({"duration": "nan"}, "csv:3: duration is 'nan'"),
            ({"timestamp": "yesterday"}, "csv:3: timestamp is 'yesterday'"),
            ({"pue": "0.5"}, "csv:3: pue is 0.5"),
        ],
    )
    def test_values_that_cannot_be_read(self, emissions, change, message):
        with pytest.raises(DataError, match=message) as caught:
            read_emissions_csv(emissions({}, change))
        assert caught.value.remedy

    def test_a_line_that_was_cut_off(self, emissions):
        path = emissions({}, {})
        path.write_text(path.read_text()[:-60])
        with pytest.raises(DataError, match="csv:3: the line has another number of fields"):
            read_emissions_csv(path)

    def test_no_file_no_text_no_row(self, emissions, tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_emissions_csv(tmp_path / "none.csv")
        (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(DataError, match="not UTF-8"):
            read_emissions_csv(tmp_path / "binary.csv")
        with pytest.raises(DataError, match="holds no row"):
            read_emissions_csv(emissions())


class TestCrossCheck:
    def test_a_large_difference_is_a_warning_with_reasons(self, emissions):
        finding = cross_check(1e-5, emissions({}))
        assert (finding.code, finding.severity) == ("codecarbon-cross-check", Severity.WARNING)
        assert "+194 %" in finding.message
        assert "92 % of its figure is memory" in finding.remedy
        assert "whole machine" in finding.remedy

    def test_a_small_one_is_information(self, emissions):
        finding = cross_check(4e-5, emissions({}))
        assert finding.severity is Severity.INFO
        assert "-26 %" in finding.message
        assert "start_task()" in finding.remedy

    @pytest.mark.parametrize(("ours", "theirs"), [(0.0, "1"), (1.0, "0"), (float("nan"), "1")])
    def test_nothing_cannot_be_compared(self, emissions, ours, theirs):
        with pytest.raises(DataError, match="cannot be compared"):
            cross_check(ours, emissions({"energy_consumed": theirs}))


def task(**changes):
    """A task as nvflare 2.9.0 wrote it."""
    return {
        "workflow": 1,
        "round": 0,
        "client": "site-1",
        "task_id": "t",
        "task_name": "train",
        "assigned_at": 1795175600.0,
        "received_at": 1795175610.0,
        "server_elapsed_time": 10.0,
        "client_computation_time": 6.0,
        "client_processing_time": 7.0,
        "client_framework_overhead": 1.0,
        "communication_time": 3.0,
        "task_payload_mb": 2.0,
        "model_update_mb": 1.0,
        "return_code": "OK",
        "error": None,
        "resources": {},
        **changes,
    }


@pytest.fixture
def job_stats(tmp_path):
    def write(*tasks, **changes):
        summary = {
            "job_id": "job-7",
            "job_start_time": 1795175590.0,
            "job_end_time": 1795175690.0,
            "status": "SUCCESS",
            "timing": {"total_job_time": 100.0, "tasks": list(tasks)},
            **changes,
        }
        path = tmp_path / "job_stats_run_summary.json"
        path.write_text(json.dumps(summary))
        return path

    return write


class TestJobStats:
    def test_a_task_becomes_its_phases(self, job_stats):
        journal = read_job_stats(
            job_stats(task()), zones={"site-1": "DE"}, devices={"site-1": "laptop"}
        )
        server, *parts = journal.activities()
        assert (server.actor, server.role, server.duration_s) == ("server", Role.SERVER, 100.0)
        assert [(a.phase.value, a.start_s - 1795175600, a.duration_s) for a in parts] == [
            ("download", 0, 0),
            ("upload", 0, 0),
            ("train", 0, 6),
            ("other", 6, 1),
            ("wait", 7, 3),
        ]
        assert [a.data_gb for a in parts] == [2 * 1024**2 / 1e9, 1024**2 / 1e9, 0, 0, 0]
        assert {(a.actor, a.role, a.zone, a.device, a.round) for a in parts} == {
            ("site-1", Role.CLIENT, "DE", "laptop", 1)
        }
        assert {(a.energy_kwh, a.tier, a.basis) for a in parts} == {(None, None, Basis.MEASURED)}
        assert journal.run.name == "job-7"
        assert codes(journal) == ["nvflare-no-energy"]

    def test_a_validation_is_an_evaluation_and_may_have_no_round(self, job_stats):
        journal = read_job_stats(job_stats(task(task_name="validate", round="final")))
        assert "evaluate" in journal.columns["phase"]
        assert set(journal.columns["round"]) == {None}

    def test_without_the_clients_reporter_a_task_is_one_time(self, job_stats):
        bare = task(
            client_computation_time=None,
            client_processing_time=None,
            client_framework_overhead=None,
            communication_time=None,
        )
        journal = read_job_stats(job_stats(bare))
        assert [a.duration_s for a in journal.activities() if a.phase is Phase.OTHER] == [100, 10]
        assert "1 task(s) have no computing time" in journal.findings[1].message

    def test_what_is_missing_or_failed_is_said(self, job_stats):
        lost = task(
            received_at=None,
            server_elapsed_time=None,
            client_computation_time=None,
            client_framework_overhead=None,
            communication_time=None,
            model_update_mb=None,
            return_code=None,
        )
        failed = task(return_code="EXECUTION_EXCEPTION", task_payload_mb=None)
        journal = read_job_stats(job_stats(lost, failed))
        messages = " ".join(finding.message for finding in journal.findings)
        assert "1 task(s) have no result" in messages
        assert "1 task(s) have no size" in messages
        assert "1 task(s) ended with an error" in messages

    def test_the_result_can_be_put_into_an_inventory(self, job_stats):
        inventory = fp.build_inventory(read_job_stats(job_stats(task(), task(client="site-2"))))
        assert (inventory.clients, inventory.rounds) == (2, 1)
        assert sum(line.data_gb for line in inventory.lines) == pytest.approx(6 * 1024**2 / 1e9)

    @pytest.mark.parametrize(
        ("summary", "message"),
        [
            ("[]", "'timing' is missing"),
            ("{}", "'job_start_time' is missing|'timing' is missing"),
            ('{"job_start_time": 1, "timing": {}}', "'total_job_time' is missing"),
            ('{"job_start_time": 1, "timing": {"total_job_time": 1}}', "'tasks' is missing"),
            (
                '{"job_start_time": 1, "timing": {"total_job_time": 1, "tasks": [3]}}',
                r"timing.tasks\[0\]: 'client' is missing",
            ),
            (
                '{"job_start_time": null, "timing": {"total_job_time": null, "tasks": []}}',
                "neither a time nor a task",
            ),
            ("{", "is not JSON"),
        ],
    )
    def test_other_files(self, tmp_path, summary, message):
        path = tmp_path / "x.json"
        path.write_text(summary)
        with pytest.raises(DataError, match=message) as caught:
            read_job_stats(path)
        assert "job_stats_run_summary.json" in caught.value.remedy

    @pytest.mark.parametrize("value", ["3", True, -1.0, float("nan")])
    def test_values_that_are_no_amounts(self, job_stats, value):
        with pytest.raises(DataError, match=r"tasks\[0\]: 'task_payload_mb' is"):
            read_job_stats(job_stats(task(task_payload_mb=value)))

    def test_no_file(self, tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_job_stats(tmp_path / "none.json")
