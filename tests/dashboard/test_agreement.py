"""The agreement page: the figures of `spinebench agree` and `calibrate`, their marks, and the way to the cases."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pytest

from spinebench.audits.rows import audit_rows
from spinebench.dashboard.case_links import case_url
from spinebench.evaluators.agreement import agreement_report
from spinebench.evaluators.agreement.scored_pairs import scored_pairs
from spinebench.evaluators.calibration import calibration_report
from spinebench.evaluators.reasoning import right_for_wrong_reason
from spinebench.store import Workspace

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from streamlit.testing.v1 import AppTest

    from spinebench.evaluators.audit_rows import AuditRows

Open = Callable[..., "AppTest"]
DIMENSION, JUDGE = "spatial_reasoning", "sim/judge-lenient"


@pytest.fixture(scope="module")
def rows(audited: Workspace) -> AuditRows:
    audit = audited.latest_audit()
    assert audit is not None
    return audit_rows(audited, [audit.audit_id])


def shown(app: AppTest) -> str:
    """Everything the page says in words, HTML and tables."""
    assert not app.exception
    texts = [
        str(cast(Any, element).value)
        for name in ("title", "subheader", "caption", "text", "info", "warning", "error")
        for element in app.get(name)
    ]
    html = [str(element.proto.body) for element in app.get("html")]
    tables = [table.value.to_csv(index=False) for table in app.dataframe]
    return "\n".join([*texts, *html, *tables])


def charts(app: AppTest) -> list[dict[str, Any]]:
    """What is drawn, each layer's data as `rows`."""
    found = []
    for element in app.get("vega_lite_chart"):
        chart = json.loads(element.proto.spec)
        data = {
            one.name: pa.ipc.open_stream(one.data.data).read_all().to_pylist()
            for one in element.proto.datasets
        }
        for layer in chart["layer"]:
            layer["rows"] = data[layer.get("data", chart.get("data"))["name"]]
        found.append(chart)
    return found


def test_the_figures_are_those_of_the_report(audited: Workspace, rows: AuditRows, page: Open) -> None:
    app = page(audited.path, "agreement", dimension=DIMENSION)
    one = agreement_report(rows, dimensions=[DIMENSION]).dimensions[0]
    assert one.n_rated > 10
    text = shown(app)
    alpha = one.ceiling.alpha
    assert alpha.value is not None
    assert alpha.interval is not None
    assert f"{alpha.value:.2f} [{alpha.interval.low:.2f} to {alpha.interval.high:.2f}]" in text
    for judge in one.judges:
        kappa = judge.panel.judge_clinician
        assert kappa.value is not None
        assert kappa.interval is not None
        assert f"{kappa.value:.2f} [{kappa.interval.low:.2f} to {kappa.interval.high:.2f}]" in text
        assert f"{judge.differences.bias:+.2f}" in text
    among = next(table.value for table in app.dataframe if "figure" in table.value).set_index("figure")
    pairwise = one.ceiling.pairwise_icc  # as `spinebench agree` has it
    assert pairwise.value is not None
    assert among.loc["mean ICC(A,1) over pairs", "value [95 % interval]"].startswith(
        f"{pairwise.value:.2f} ["
    )
    assert f"{one.n_rated} of {one.n_traces} traces rated" in text
    titles = [str(chart["title"]["text"]) for chart in charts(app)]
    assert [title.split(":")[0] for title in titles] == [
        "Kappa with clinicians", "Alpha", "Bias", "Exact agreement"
    ]  # fmt: skip
    assert all("SIMULATION" in " ".join(chart["title"]["subtitle"]) for chart in charts(app))


def test_simulated_and_unlocked_are_said(audited: Workspace, page: Open) -> None:
    text = shown(page(audited.path, "agreement"))
    assert "SIMULATION" in text
    assert "NOT LOCKED" in text
    assert "STALE" not in text


def test_what_is_chosen_stands_in_the_address_and_comes_back_from_it(audited: Workspace, page: Open) -> None:
    app = page(audited.path, "agreement", dimension=DIMENSION, judge=JUDGE, view="What may be said")
    assert [box.value for box in app.selectbox][2:] == [DIMENSION, JUDGE]
    assert f"{JUDGE} agrees with a clinician at kappa" in shown(app)
    app.selectbox[2].set_value("visual_features").run()
    assert app.query_params["dimension"] == "visual_features"
    nonsense = page(audited.path, "agreement", dimension="<b>x</b>", task="x", audit="../..", view="y")
    assert "traces rated" in shown(nonsense)
    assert "<b>x</b>" not in shown(nonsense)


def test_the_table_of_shifts_and_the_points_hold_every_compared_trace(
    audited: Workspace, rows: AuditRows, page: Open
) -> None:
    app = page(audited.path, "agreement", dimension=DIMENSION, judge=JUDGE, view="Differences")
    assert not app.exception
    pairs = scored_pairs(rows, task="diagnosis", dimension=DIMENSION, judge=JUDGE)
    heat, bland = charts(app)
    cells = heat["layer"][0]["rows"]
    assert sum(cell["n"] for cell in cells) == len(pairs) > 0
    assert sum(cell["n"] for cell in cells if cell["agree"]) == sum(
        pair.judge == pair.clinicians_median for pair in pairs
    )
    discs = bland["layer"][-1]["rows"]
    assert sum(disc["n"] for disc in discs) == len(pairs)
    mean = sum(disc["y"] * disc["n"] for disc in discs) / len(pairs)
    report = agreement_report(rows, dimensions=[DIMENSION], judges=[JUDGE])
    assert mean == pytest.approx(report.dimensions[0].judges[0].differences.bias)


def test_each_model_has_a_scatter_of_its_traces(audited: Workspace, rows: AuditRows, page: Open) -> None:
    app = page(audited.path, "agreement", dimension=DIMENSION, judge=JUDGE, view="Models")
    assert not app.exception
    pairs = scored_pairs(rows, task="diagnosis", dimension=DIMENSION, judge=JUDGE)
    counted = {
        chart["title"]["text"]: sum(disc["n"] for disc in chart["layer"][-1]["rows"])
        for chart in charts(app)[1:]
    }
    assert counted == {model: sum(pair.model == model for pair in pairs) for model in counted}
    assert set(counted) == {pair.model for pair in pairs}
    for chart in charts(app):  # a chart is saved without the page's warnings
        assert "SIMULATION" in str(chart["title"])


def test_scatters_of_many_models_are_drawn_by_the_page(
    audited: Workspace, rows: AuditRows, page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = sorted(
        {pair.model for pair in scored_pairs(rows, task="diagnosis", dimension=DIMENSION, judge=JUDGE)}
    )
    assert len(models) > 1
    monkeypatch.setattr("spinebench.dashboard.agreement_differences._SCATTERS", len(models) - 1)
    app = page(audited.path, "agreement", dimension=DIMENSION, judge=JUDGE, view="Models")
    assert [chart["title"]["text"] for chart in charts(app)[1:]] == models[:-1]
    assert f"Models 1 to {len(models) - 1} of {len(models)}" in shown(app)
    app.session_state["models page of 2"] = 2
    app.run()
    assert [chart["title"]["text"] for chart in charts(app)[1:]] == models[-1:]


def test_corrected_scores_stand_beside_the_raw(audited: Workspace, rows: AuditRows, page: Open) -> None:
    text = shown(page(audited.path, "agreement", dimension=DIMENSION, judge=JUDGE, view="Corrected scores"))
    report = calibration_report(rows, dimension=DIMENSION, judge=JUDGE)
    for row in report.models:
        assert row.judge.value is not None
        assert row.corrected.value is not None
        assert f"{row.judge.value:.2f} [" in text
        assert f"{row.corrected.value:.2f} [" in text


def test_right_for_the_wrong_reason(audited: Workspace, rows: AuditRows, page: Open) -> None:
    text = shown(page(audited.path, "agreement", dimension=DIMENSION, judge=JUDGE, view="Wrong reasons"))
    for reason in right_for_wrong_reason(rows, dimension=DIMENSION, judge=JUDGE):
        share = reason.low_if_correct_judge.value
        assert share is not None
        line = next(line for line in text.splitlines() if line.startswith(f"{reason.model},"))
        assert line.startswith(f"{reason.model},{100 * share:.0f} [")


def test_coverage_counts_what_each_rater_was_asked(audited: Workspace, rows: AuditRows, page: Open) -> None:
    app = page(audited.path, "agreement", dimension=DIMENSION, view="Coverage")
    one = agreement_report(rows, dimensions=[DIMENSION]).dimensions[0]
    found = app.dataframe[0].value
    assert list(found["rater"]) == [row.rater for row in one.coverage]
    assert list(found["asked"]) == [row.asked for row in one.coverage]
    assert "Repeatability" in shown(app)


def test_without_audits_it_says_how_to_make_one(tmp_path: Path, page: Open) -> None:
    text = shown(page(tmp_path / "none", "agreement"))
    assert "no audit yet" in text
    assert "spinebench audit" in text


def test_without_ratings_it_says_how_to_bring_them_in(audited: Workspace, tmp_path: Path, page: Open) -> None:
    unrated = Workspace(shutil.copytree(audited.path, tmp_path / "unrated"))
    audit = unrated.latest_audit()
    assert audit is not None
    shutil.rmtree(audit.path / "ratings")
    text = shown(page(unrated.path, "agreement"))
    assert "No clinician has rated" in text
    assert "spinebench rate packets" in text
    assert "judge, raw" in shown(page(unrated.path, "agreement", view="Corrected scores"))


def test_a_broken_audit_is_a_message(audited: Workspace, tmp_path: Path, page: Open) -> None:
    broken = Workspace(shutil.copytree(audited.path, tmp_path / "broken"))
    audit = broken.latest_audit()
    assert audit is not None
    (audit.path / "audit.json").write_text("{", "utf-8")
    text = shown(page(broken.path, "agreement"))
    assert "no audit yet" in text
    assert audit.audit_id in text


def test_a_click_on_a_cell_lists_its_cases(
    audited: Workspace, rows: AuditRows, dashboard: str, tab: Page
) -> None:
    audit = audited.latest_audit()
    assert audit is not None
    address_of = {
        trace.trace_id: case_url(trace.pick.trace.run_id, trace.answer.key.id()) for trace in audit.traces()
    }
    cells: dict[tuple[float, float], set[str]] = {}
    for pair in scored_pairs(rows, task="diagnosis", dimension=DIMENSION, judge=JUDGE):
        cells.setdefault((pair.judge, pair.clinicians_median), set()).add(address_of[pair.trace_id])
    tab.goto(f"{dashboard}/agreement?dimension={DIMENSION}&judge={JUDGE}&view=Differences")
    drawn = tab.locator("[data-testid=stVegaLiteChart] :is(canvas, svg.marks)").first
    drawn.wait_for()
    links = tab.locator("[data-testid=stHtml] a")
    assert links.count() == 0
    # Where the cells lie inside the drawing is the chart's own affair: one after the other is tried.
    for across, down in ((x, y) for y in (0.2, 0.35, 0.5, 0.65) for x in (0.75, 0.6, 0.45, 0.3)):
        box = drawn.bounding_box()
        assert box is not None
        tab.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])
        tab.wait_for_timeout(800)
        if links.count():
            break
    found = {str(link.get_attribute("href")) for link in links.all()}
    assert found
    assert found in cells.values()
