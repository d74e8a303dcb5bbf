"""Checkpoints of a real Great Expectations write one row for each validation definition."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, Optional

import pytest

gx = pytest.importorskip("great_expectations", reason="`nox -s gx` installs Great Expectations")
pandas = pytest.importorskip("pandas")

from great_expectations.core.run_identifier import RunIdentifier  # noqa: E402

from interlock_sensors import InvalidRow, RecordedSensors  # noqa: E402
from interlock_sensors.great_expectations import PutSensorAction  # noqa: E402

# The tests are about the rows, and Great Expectations warns about libraries of its own.
pytestmark = pytest.mark.filterwarnings("ignore")
DATE = "2026-03-03"
PAGE = (Path(__file__).parents[2] / "docs/how-to/write-a-sensor-from-your-tool.md").read_text(encoding="utf-8")
NOT_NULL = gx.expectations.ExpectColumnValuesToNotBeNull(column="id")
NO_COLUMN = gx.expectations.ExpectColumnValuesToNotBeNull(column="absent")
MANY_ROWS = gx.expectations.ExpectTableRowCountToBeBetween(min_value=100)
RECORDED: list[RecordedSensors] = []


class RecordedAction(PutSensorAction):
    """The action with sensors that keep their rows in memory."""

    type: Literal["recorded"] = "recorded"

    def sensors(self) -> RecordedSensors:
        return RECORDED[-1]


class Project:
    """A project with one frame of orders, and the rows that its checkpoints wrote."""

    def __init__(self) -> None:
        RECORDED.append(RecordedSensors())
        self.context = gx.get_context(mode="ephemeral")
        asset = self.context.data_sources.add_pandas("files").add_dataframe_asset("orders")
        self.batch = asset.add_batch_definition_whole_dataframe("all")

    def suite(self, name: str, *expectations: Any) -> Any:
        """A suite of copies, because an expectation belongs to one suite."""
        return self.context.suites.add(
            gx.ExpectationSuite(name, expectations=[expectation.copy() for expectation in expectations])
        )

    def definition(self, name: str, suite: Any, batch: Any = None) -> Any:
        made = gx.ValidationDefinition(name=name, data=batch or self.batch, suite=suite)
        return self.context.validation_definitions.add(made)

    def run(self, *definitions: Any, run_name: Optional[str] = DATE, ids: Any = (1, 2), **parameters: Any) -> Any:
        action = RecordedAction(name="interlock", environment="prod", pipeline="orders")
        checkpoint = self.context.checkpoints.add(
            gx.Checkpoint(name="daily", validation_definitions=list(definitions), actions=[action])
        )
        parameters = parameters or {"dataframe": pandas.DataFrame({"id": list(ids)})}
        return checkpoint.run(batch_parameters=parameters, run_id=RunIdentifier(run_name=run_name))

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        return {row["SK"].partition("#")[2]: row["data"] for row in RECORDED[-1].writes}


@pytest.fixture
def project() -> Project:
    return Project()


def test_a_success_is_a_row_with_its_statistics(project: Project) -> None:
    assert project.run(project.definition("orders", project.suite("the suite", NOT_NULL))).success
    [(key, row)] = project.rows.items()
    assert key == f"gx.orders#{DATE}"
    assert {name: row[name] for name in row if name != "updatedAt"} == {
        "date": DATE,
        "success": True,
        "expectations": Decimal(1),
        "failures": Decimal(0),
        "exceptions": Decimal(0),
        "failed": [],
        "suite": "the suite",
        "asset": "orders",
    }


def test_a_failure_names_its_expectations(project: Project) -> None:
    suite = project.suite("s", NOT_NULL, MANY_ROWS, gx.expectations.ExpectColumnToExist(column="id"))
    project.run(project.definition("orders", suite), ids=[1, None])
    row = project.rows[f"gx.orders#{DATE}"]
    assert (row["success"], row["expectations"], row["failures"], row["exceptions"]) == (False, 3, 2, 0)
    assert row["failed"] == ["expect_column_values_to_not_be_null(id)", "expect_table_row_count_to_be_between()"]


def test_an_expectation_that_raises_is_a_failure(project: Project) -> None:
    project.run(project.definition("orders", project.suite("s", NOT_NULL, NO_COLUMN)))
    row = project.rows[f"gx.orders#{DATE}"]
    assert (row["success"], row["failures"], row["exceptions"]) == (False, 1, 1)


def test_a_suite_without_expectations_is_no_success(project: Project) -> None:
    assert project.run(project.definition("orders", project.suite("empty"))).success
    row = project.rows[f"gx.orders#{DATE}"]
    assert (row["success"], row["expectations"]) == (False, 0)


def test_at_most_twenty_failures_are_named(project: Project) -> None:
    many = [gx.expectations.ExpectTableRowCountToEqual(value=number) for number in range(100, 130)]
    project.run(project.definition("orders", project.suite("s", *many)))
    row = project.rows[f"gx.orders#{DATE}"]
    assert (row["failures"], len(row["failed"])) == (30, 20)


def test_each_validation_has_a_row_of_its_own(project: Project) -> None:
    good, bad = project.suite("good", NOT_NULL), project.suite("bad", MANY_ROWS)
    project.run(project.definition("a", good), project.definition("b", bad))
    assert {key: row["success"] for key, row in project.rows.items()} == {f"gx.a#{DATE}": True, f"gx.b#{DATE}": False}


def test_a_result_that_was_replaced_is_no_success(project: Project) -> None:
    """Great Expectations keeps one result for each suite and batch."""
    suite = project.suite("s", NOT_NULL)
    result = project.run(project.definition("first", suite), project.definition("second", suite))
    assert len(result.run_results) == 1
    assert {key: row["success"] for key, row in project.rows.items()} == {
        f"gx.first#{DATE}": False,
        f"gx.second#{DATE}": True,
    }
    assert "kept no result" in project.rows[f"gx.first#{DATE}"]["error"]


def test_the_name_of_the_run_may_be_an_hour(project: Project) -> None:
    project.run(project.definition("orders", project.suite("s", NOT_NULL)), run_name=f"{DATE}T07")
    assert list(project.rows) == [f"gx.orders#{DATE}T07"]


@pytest.mark.parametrize(
    ("run_name", "said"), [(None, "neither the batch parameters"), ("nightly", "date: 'nightly' is not a date")]
)
def test_a_run_without_a_date_writes_nothing(project: Project, run_name: Optional[str], said: str) -> None:
    with pytest.raises(InvalidRow, match=said):
        project.run(project.definition("orders", project.suite("s", NOT_NULL)), run_name=run_name)
    assert project.rows == {}


def test_parameters_of_a_daily_batch_are_its_date(project: Project, tmp_path: Any) -> None:
    for day in ("2026-03-03", "2026-03-04"):
        (tmp_path / f"{day}.csv").write_text("id\n1\n")
    source = project.context.data_sources.add_pandas_filesystem("folder", base_directory=tmp_path)
    regex = r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\.csv"
    batch = source.add_csv_asset("files").add_batch_definition_daily("by day", regex=regex)
    definition = project.definition("files", project.suite("s", NOT_NULL), batch)
    project.run(definition, run_name="nightly", year="2026", month="03", day="03")
    assert list(project.rows) == [f"gx.files#{DATE}"]


def test_the_newest_batch_has_no_date_of_its_own(project: Project, tmp_path: Any) -> None:
    """Without parameters, Great Expectations validates the newest file, which may be that of another day."""
    (tmp_path / "2026-03-02.csv").write_text("id\n1\n")
    source = project.context.data_sources.add_pandas_filesystem("folder", base_directory=tmp_path)
    regex = r"(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\.csv"
    batch = source.add_csv_asset("files").add_batch_definition_daily("by day", regex=regex)
    definition = project.definition("files", project.suite("s", NOT_NULL), batch)
    action = RecordedAction(name="interlock", environment="prod", pipeline="orders")
    checkpoint = project.context.checkpoints.add(
        gx.Checkpoint(name="newest", validation_definitions=[definition], actions=[action])
    )
    with pytest.raises(InvalidRow, match="neither the batch parameters"):
        checkpoint.run()
    assert project.rows == {}


def test_a_repeated_validation_writes_nothing(project: Project) -> None:
    definition = project.definition("orders", project.suite("s", NOT_NULL))
    action = RecordedAction(name="interlock", environment="prod", pipeline="orders")
    checkpoint = project.context.checkpoints.add(
        gx.Checkpoint(name="daily", validation_definitions=[definition], actions=[action])
    )
    for _ in range(2):
        frame = pandas.DataFrame({"id": [1]})
        checkpoint.run(batch_parameters={"dataframe": frame}, run_id=RunIdentifier(run_name=DATE))
    assert len(RECORDED[-1].writes) == 1


def test_the_program_of_the_page_writes_a_row(project: Project) -> None:
    [program] = [text for text in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "PutSensorAction" in text]
    names: dict[str, Any] = {}
    exec(compile(program, "page", "exec"), names)
    names["PutSensorAction"] = RecordedAction
    names["daily"]([project.definition("orders", project.suite("s", NOT_NULL))], pandas.DataFrame({"id": [1]}), DATE)
    assert project.rows[f"gx.orders#{DATE}"]["success"] is True


def test_a_stored_checkpoint_has_the_action(project: Project, tmp_path: Any) -> None:
    context = gx.get_context(mode="file", project_root_dir=tmp_path)
    batch = context.data_sources.add_pandas("p").add_dataframe_asset("a").add_batch_definition_whole_dataframe("all")
    suite = context.suites.add(gx.ExpectationSuite("s", expectations=[NOT_NULL.copy()]))
    definition = context.validation_definitions.add(gx.ValidationDefinition(name="v", data=batch, suite=suite))
    action = PutSensorAction(name="interlock", environment="prod", pipeline="orders", key="checks", region="eu-west-1")
    context.checkpoints.add(gx.Checkpoint(name="daily", validation_definitions=[definition], actions=[action]))
    [loaded] = gx.get_context(mode="file", project_root_dir=tmp_path).checkpoints.get("daily").actions
    assert loaded == action


def test_an_unknown_setting_is_rejected() -> None:
    with pytest.raises(ValueError, match="pipline"):
        PutSensorAction(name="interlock", environment="prod", pipline="orders")
