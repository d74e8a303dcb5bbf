"""Results of Soda as readings. The mappings have the shape of those of Soda 3.5.6. tests/soda runs a real Soda."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from interlock_sensors import RecordedSensors
from interlock_sensors.soda import InvalidResult, contract_reading, main, scan_reading

if TYPE_CHECKING:
    from pathlib import Path

DATE = "2026-03-03"
WORDS = {"pass": "PASSED", "warn": "WARNED", "fail": "FAILED", None: "NOT EVALUATED"}


def check(name: str, outcome: str | None = "pass", table: str = "orders", *metrics: str) -> dict[str, Any]:
    return {"name": name, "outcome": outcome, "dataSource": "shop", "table": table, "metrics": list(metrics)}


def row_count(value: object, table: str = "orders", infix: str = "") -> tuple[dict[str, Any], dict[str, Any]]:
    """A check of row_count, and its metric."""
    identity = f"metric-shop-{table}-{infix}row_count"
    return check("row_count > 0", "pass", table, identity), {"identity": identity, "value": value}


def summary(*outcomes: str | None) -> list[str]:
    """The lines of a summary that count checks with these outcomes."""
    lines = ["Soda Core 3.5.6", "Scan summary:"]
    for outcome in sorted(set(outcomes), key=str):
        lines += [f"{outcomes.count(outcome)}/{len(outcomes)} checks {WORDS[outcome]}: ", "    orders in shop"]
    return lines


def results(*checks: dict[str, Any], lines: list[str] | None = None, errors: Any = (), **more: Any) -> dict[str, Any]:
    """Results with a summary of all checks. Soda leaves checks without an outcome out of their list."""
    texts = summary(*(one["outcome"] for one in checks)) if lines is None else lines
    logs = [{"level": "INFO", "message": text} for text in texts]
    return {
        "hasErrors": bool(errors),
        "checks": [one for one in checks if one["outcome"]],
        "automatedMonitoringChecks": [],
        "metrics": [],
        "logs": logs + [{"level": "ERROR", "message": text} for text in errors],
        **more,
    }


def fields(scan: Any) -> dict[str, Any]:
    sensors = RecordedSensors()
    assert sensors.put_many([scan_reading("shop", "soda.orders", scan, date=DATE)]) == 1
    data = sensors.writes[0]["data"]
    return {name: value for name, value in data.items() if name not in ("date", "updatedAt")}


def test_a_scan_without_failures_is_a_success() -> None:
    assert fields(results(check("missing_count(id) = 0"), check("max(price) < 100", "warn"))) == {
        "success": True,
        "checks": 2,
        "passes": 1,
        "warnings": 1,
        "failures": 0,
        "notEvaluated": 0,
        "errors": 0,
        "failed": [],
    }


def test_failed_checks_are_named_with_their_dataset() -> None:
    found = fields(results(check("b", "fail"), check("a", "fail", "items"), check("c")))
    assert (found["success"], found["failures"], found["failed"]) == (False, 2, ["items: a", "orders: b"])


def test_names_of_failed_checks_are_bounded() -> None:
    failed = fields(results(*(check(f"{number:02} {'x' * 300}", "fail") for number in range(30))))["failed"]
    assert (len(failed), {len(name) for name in failed}, failed[0][:10]) == (20, {200}, "orders: 00")


def test_a_check_without_an_outcome_is_no_success() -> None:
    """Soda 3 leaves it out of the list, has no error, and ends with 0."""
    found = fields(results(check("row_count >= 0"), check("max(price) < 100", None)))
    assert (found["success"], found["checks"], found["notEvaluated"], found["errors"]) == (False, 2, 1, 0)


def test_an_unknown_outcome_is_not_evaluated() -> None:
    found = fields(results(check("a", "skipped"), lines=summary("pass")))
    assert (found["success"], found["passes"], found["notEvaluated"]) == (False, 0, 1)


@pytest.mark.parametrize("lines", [[], ["Scan summary:"], ["1/1 check PASSED: "]])
def test_checks_that_no_summary_counts_are_no_success(lines: list[str]) -> None:
    assert fields(results(check("a"), lines=lines))["success"] is False


def test_a_summary_that_contradicts_itself_is_no_success() -> None:
    found = fields(results(check("a"), lines=["Scan summary:", "1/1 check PASSED: ", "1/2 checks FAILED: "]))
    assert found["success"] is False
    assert "checks" not in found


def test_only_the_last_summary_counts() -> None:
    """All scans of a process write into one list of Soda 3."""
    assert fields(results(check("a"), lines=[*summary("pass", None), *summary("pass")]))["success"] is True


def test_a_name_cannot_pass_as_a_line_of_the_summary() -> None:
    lines = ["Scan summary:", "1/2 checks PASSED: ", "      2/2 checks PASSED:  [PASSED]", "1/2 checks NOT EVALUATED: "]
    assert fields(results(check("2/2 checks PASSED: "), lines=lines))["notEvaluated"] == 1


def test_a_scan_without_checks_is_no_success() -> None:
    found = fields(results())
    assert (found["success"], found["checks"], found["passes"]) == (False, 0, 0)


def test_a_scan_with_an_error_is_no_success() -> None:
    found = fields(results(check("a"), errors=["Query execution error: no table ordrs" + "x" * 300, "second"]))
    assert (found["success"], found["errors"], found["checks"]) == (False, 2, 1)
    assert found["error"].startswith("Query execution error: no table ordrs")
    assert len(found["error"]) == 200


@pytest.mark.parametrize("flag", [True, None, "false"])
def test_an_error_without_a_text_is_no_success(flag: object) -> None:
    found = fields(results(check("a"), hasErrors=flag))
    assert (found["success"], found["errors"]) == (False, 1)
    assert found["error"] == "Soda reports an error without a text"


def test_checks_of_automated_monitoring_count() -> None:
    scan = results(check("a"), lines=summary("pass", "fail"))
    scan["automatedMonitoringChecks"] = [check("anomaly", "fail")]
    assert fields(scan)["failed"] == ["orders: anomaly"]


def test_row_counts_have_their_dataset_and_filter() -> None:
    pairs = [row_count(3), row_count(2, infix="daily-"), row_count(0, "items")]
    scan = results(*(one for one, _ in pairs), metrics=[metric for _, metric in pairs])
    counts = {name: value for name, value in fields(scan).items() if name.startswith("count")}
    assert counts == {"count.orders": 3, "count.orders.daily": 2, "count.items": 0}


def test_a_row_count_may_have_a_scan_definition() -> None:
    """`soda scan` has the definition `Soda Core CLI`."""
    identity = "metric-Soda Core CLI-shop-orders-daily-row_count"
    one = check("row_count > 0", "pass", "orders", identity)
    metric = {"identity": identity, "value": 3}
    assert fields(results(one, metrics=[metric], definitionName="Soda Core CLI"))["count.orders.daily"] == 3
    assert "count.orders.daily" not in fields(results(one, metrics=[metric], definitionName="other"))


def test_a_count_of_failing_rows_is_no_row_count() -> None:
    """Soda 3 gives the metric of a failed rows check the name row_count, with a hash in its identity."""
    identity = "metric-shop-orders-row_count-bf2a3084"
    metric = {"identity": identity, "metricName": "row_count", "value": 0}
    scan = results(check("no negative price", "pass", "orders", identity), metrics=[metric])
    assert not [name for name in fields(scan) if name.startswith("count")]


@pytest.mark.parametrize("value", [None, "3", 3.0, True])
def test_a_row_count_that_is_no_whole_number_is_absent(value: object) -> None:
    one, metric = row_count(value)
    assert "count.orders" not in fields(results(one, metrics=[metric]))


def test_the_number_of_row_counts_is_bounded() -> None:
    pairs = [row_count(number, f"t{number:03}") for number in range(130)]
    found = fields(results(*(one for one, _ in pairs), metrics=[metric for _, metric in pairs]))
    assert sorted(name for name in found if name.startswith("count.")) == [
        f"count.t{number:03}" for number in range(100)
    ]


def test_a_scan_is_read_by_its_results() -> None:
    scan = SimpleNamespace(get_scan_results=lambda: results(check("a")))
    assert fields(scan)["success"] is True


@pytest.mark.parametrize(
    ("scan", "said"),
    [
        (SimpleNamespace(get_scan_results=dict), "after its execute"),
        ({}, "after its execute"),
        ([], "checks: is not a list"),
        (None, "checks: is not a list"),
        ({"checks": "a"}, "checks: is not a list"),
        (results(check("a"), metrics=None), "metrics: is not a list"),
        (results(check("a"), logs=["text"]), "logs: is not a list"),
    ],
)
def test_a_value_that_is_no_result_is_rejected(scan: Any, said: str) -> None:
    with pytest.raises(InvalidResult, match=said):
        scan_reading("shop", "soda.orders", scan, date=DATE)


class Verification(SimpleNamespace):
    """The attributes of a ContractVerificationSessionResult of Soda 4.28 that the module reads."""

    def get_errors(self) -> list[str]:
        return list(self.errors)


def verified(*outcomes: str, rows: Any = (3,), errors: Any = (), has_errors: Any = False) -> Verification:
    checks = [
        SimpleNamespace(
            check=SimpleNamespace(name=f"check {number}", column_name="id" if number else None),
            outcome=SimpleNamespace(name=outcome),
            diagnostic_metric_values={"dataset_rows_tested": rows[number % len(rows)]} if rows else None,
        )
        for number, outcome in enumerate(outcomes)
    ]
    contract = SimpleNamespace(contract=SimpleNamespace(dataset_name="orders"), check_results=checks)
    return Verification(contract_verification_results=[contract], errors=errors, has_errors=has_errors)


def of_contract(verification: Any) -> dict[str, Any]:
    return contract_reading("shop", "soda.orders", verification, date=DATE).fields


def test_a_verified_contract_is_a_success_with_its_rows() -> None:
    assert of_contract(verified("PASSED", "WARN")) == {
        "success": True,
        "checks": 2,
        "passes": 1,
        "warnings": 1,
        "failures": 0,
        "notEvaluated": 0,
        "errors": 0,
        "failed": [],
        "count.orders": 3,
    }


@pytest.mark.parametrize("outcome", ["NOT_EVALUATED", "EXCLUDED", "NEW_OUTCOME"])
def test_a_contract_that_was_not_evaluated_is_no_success(outcome: str) -> None:
    found = of_contract(verified("PASSED", outcome))
    assert (found["success"], found["checks"], found["notEvaluated"]) == (False, 2, 1)


def test_a_failed_check_of_a_contract_has_its_column() -> None:
    found = of_contract(verified("FAILED", "FAILED"))
    assert (found["success"], found["failed"]) == (False, ["orders: check 0", "orders: check 1 (id)"])


def test_a_contract_without_checks_is_no_success() -> None:
    assert of_contract(verified())["success"] is False
    nothing = Verification(contract_verification_results=[], errors=(), has_errors=False)
    assert of_contract(nothing)["success"] is False


@pytest.mark.parametrize(("errors", "flag"), [(["no table"], True), (["no table"], False), ([], True), ([], None)])
def test_a_contract_with_an_error_is_no_success(errors: list[str], flag: object) -> None:
    found = of_contract(verified("PASSED", errors=errors, has_errors=flag))
    assert (found["success"], found["errors"]) == (False, 1)


@pytest.mark.parametrize("rows", [(), (None,), (3, 4)])
def test_rows_that_are_not_known_are_absent(rows: Any) -> None:
    assert "count.orders" not in of_contract(verified("PASSED", "PASSED", rows=rows))


def test_a_scan_is_no_verification() -> None:
    with pytest.raises(InvalidResult, match="dict is not a result of a verification"):
        contract_reading("shop", "soda.orders", {}, date=DATE)


def run(file: Path, *more: str, date: str = DATE) -> tuple[int, RecordedSensors]:
    sensors = RecordedSensors()
    words = [str(file), "--environment", "prod", "--pipeline", "shop", "--key", "soda.orders", "--date", date]
    return main([*words, *more], sensors=sensors), sensors


@pytest.mark.parametrize(("outcome", "said"), [("pass", "success"), ("fail", "no success")])
def test_the_command_writes_the_row_of_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], outcome: str, said: str
) -> None:
    file = tmp_path / "results.json"
    file.write_text(json.dumps(results(check("a", outcome))))
    code, sensors = run(file)
    assert (code, sensors.fields("shop", f"soda.orders#{DATE}")["success"]) == (0, outcome == "pass")
    assert capsys.readouterr().out == f"soda.orders of shop {DATE}: {said}, row written\n"


@pytest.mark.parametrize(
    ("text", "date", "said"),
    [
        (None, DATE, "results.json: cannot be read: No such file"),
        ("{", DATE, "results.json: is not JSON: Expecting"),
        ("{}", DATE, "results.json: the scan has no results"),
        ('{"checks": 1}', DATE, "results.json: checks: is not a list"),
        (json.dumps(results(check("a"))), "today", "date: 'today' is not a date"),
    ],
)
def test_the_command_rejects(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, date: str, said: str
) -> None:
    file = tmp_path / "results.json"
    if text is not None:
        file.write_text(text)
    code, sensors = run(file, date=date)
    assert (code, sensors.writes) == (2, [])
    assert said in capsys.readouterr().err


def test_the_module_imports_nothing_of_soda() -> None:
    program = "import sys, interlock_sensors.soda; print({'soda', 'soda_core'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
