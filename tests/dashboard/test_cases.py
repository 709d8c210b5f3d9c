"""Cases: filters, paging, one case, files to take along, and hostile texts in a real browser."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from spinebench.agents.personas import packaged
from spinebench.dashboard import case_data, case_export, case_selection
from spinebench.dashboard.case_export import as_csv, as_html, as_jsonl, exported
from spinebench.dashboard.case_links import case_url, cases_url
from spinebench.dashboard.case_view import table_html
from spinebench.dashboard.export_route import export_routes, export_url
from spinebench.runs.asked_prompt import asked_prompt
from spinebench.store import Workspace
from spinebench.store.ingest import ingest
from tests.dashboard.hostile_cases import hostile_workspace
from tests.dashboard.serving import serving
from tests.stored_runs import diagnosis, failed, key, right, spec, stored_run

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from streamlit.testing.v1 import AppTest

Opened = Callable[..., "AppTest"]


def cases(workspace: Workspace, **filters: Any) -> list[dict[str, Any]]:
    audit = workspace.latest_audit()
    asked = {"audit_id": None if audit is None else audit.audit_id, "size": 10_000, **filters}
    return list(workspace.query("cases", **asked).to_pylist())


def test_addresses() -> None:
    assert cases_url() == "/cases"
    assert cases_url(model=["a", "b"], outcome="exact", task=None) == "/cases?model=a&model=b&outcome=exact"
    assert case_url("r", "a&b") == "/cases?case=r%2Fa%26b"
    with pytest.raises(TypeError, match="colour"):
        cases_url(colour="red")


@pytest.mark.parametrize(
    ("filters", "holds"),
    [
        ({"models": ["sim/guesser"]}, lambda one: one["model"] == "sim/guesser"),
        ({"diseases": ["Healthy"]}, lambda one: one["disease"] == "Healthy"),
        ({"outcomes": ["healthy_misdiagnosed"]}, lambda one: one["outcome"] == "healthy_misdiagnosed"),
        (
            {"diseases": ["Healthy"], "answered": ["Osteophytes"]},
            lambda one: one["gold"] == ["Healthy"] and one["chosen"] == ["Osteophytes"],
        ),
        ({"answered": ["(not answered)"]}, lambda one: not one["chosen"]),
        ({"score_from": 1.0, "score_to": 2.0}, lambda one: one["score"] is not None and one["score"] <= 2),
        ({"difference": 1.0}, lambda one: (one["difference"] or 0) >= 1),
        ({"items": ["q3"]}, lambda one: one["item_id"] == "q3"),
        ({"models": ["' OR true --"]}, lambda one: False),
    ],
    ids=["model", "disease", "outcome", "pair", "unanswered", "score", "difference", "item", "quote"],
)
def test_filters_leave_exactly_what_they_name(
    audited: Workspace, filters: dict[str, Any], holds: Callable[[dict[str, Any]], bool]
) -> None:
    everything = cases(audited)
    assert len(everything) == 90
    found = cases(audited, **filters)
    assert {one["answer_id"] for one in found} == {one["answer_id"] for one in everything if holds(one)}
    assert all(one["n_cases"] == len(found) for one in found)


def test_modes_are_filtered_by(audited: Workspace) -> None:
    marked = [one for one in cases(audited) if one["modes"]]
    mode = marked[0]["modes"][0]
    found = cases(audited, modes=[mode])
    assert {one["answer_id"] for one in found} == {one["answer_id"] for one in marked if mode in one["modes"]}


def test_text_is_searched_for_as_it_is(audited: Workspace) -> None:
    texts = {
        one["answer_id"]: one["text"] + (one["reasoning"] or "") for one in audited.answers().to_pylist()
    }
    wanted = {name for name, text in texts.items() if "final option" in text.lower()}
    assert {one["answer_id"] for one in cases(audited, text="FINAL option")} == wanted
    assert cases(audited, text="%") == [one for one in cases(audited) if "%" in texts[one["answer_id"]]]


def test_pages_follow_on_each_other(audited: Workspace) -> None:
    names = [one["answer_id"] for one in cases(audited, sort="difference")]
    audit = audited.audits()[-1].audit_id
    pages = [
        audited.query("cases", audit_id=audit, sort="difference", size=40, skip=skip).to_pylist()
        for skip in (0, 40, 80, 120)
    ]
    assert [one["answer_id"] for page in pages for one in page] == names
    differences = [one["difference"] for one in cases(audited, sort="difference")]
    known = [one for one in differences if one is not None]
    assert differences[: len(known)] == sorted(known, reverse=True)


def test_values_count_all_answers(audited: Workspace) -> None:
    values = audited.query("case_values").to_pylist()
    for name in ("model", "task", "outcome", "status"):
        assert sum(one["n"] for one in values if one["name"] == name) == 90


def test_the_list_and_its_filters(audited: Workspace, page: Opened) -> None:
    app = page(audited.path, "cases", model="sim/guesser")
    assert not app.exception
    assert "30 cases" in [one.value for one in app.text]
    app.multiselect(key="case filter disease").select("Healthy").run()
    assert app.query_params["disease"] in ("Healthy", ["Healthy"])
    assert "6 cases" in [one.value for one in app.text]  # every fifth of 30 questions
    next(button for button in app.button if button.label == "Clear filters").click().run()
    assert "90 cases" in [one.value for one in app.text]


def test_no_case_fits(audited: Workspace, page: Opened) -> None:
    app = page(audited.path, "cases", text="nobody ever said this")
    assert not app.exception
    assert "No case fits" in app.info[0].value


def test_a_case_by_its_address_and_on(audited: Workspace, page: Opened) -> None:
    first, second = cases(audited, sort="difference")[:2]
    app = page(audited.path, "cases", case=f"{first['run_id']}/{first['answer_id']}", sort="difference")
    assert not app.exception
    assert any("Case 1 of 90" in one.value for one in app.text)
    labels = [one.label for one in app.expander]
    assert any(label.startswith("Judges") for label in labels)
    assert any(label.startswith("Clinicians") for label in labels)
    assert "The same question, all models side by side" in labels
    next(button for button in app.button if button.label == "Next").click().run()
    name = f"{second['run_id']}/{second['answer_id']}"
    assert app.query_params["case"] in (name, [name])


def test_a_bare_address_of_a_case_leads_on_too(audited: Workspace, page: Opened) -> None:
    everything = cases(audited)
    here, after = everything[4:6]
    app = page(audited.path, "cases", case=f"{here['run_id']}/{here['answer_id']}")
    assert any("Case 5 of 90" in one.value for one in app.text)
    next(button for button in app.button if button.label == "Next").click().run()
    assert app.query_params["case"] in (name := f"{after['run_id']}/{after['answer_id']}", [name])


def test_models_of_other_runs_on_the_benchmark_stand_beside_a_case(tmp_path: Path, page: Opened) -> None:
    workspace = Workspace(tmp_path / "workspace")
    item = diagnosis("d1")
    asked = {"run-1": ("sim/a_b",), "run-2": ("sim/c",), "run-3": ("sim/c", "sim/a_b")}
    for minutes, (run_id, models) in enumerate(asked.items()):
        described = spec(run_id, n_items=1, minutes=minutes).model_copy(update={"models": models})
        run = workspace.create_run(described, [item])
        run.journal.append(
            [right(item, model, run_id=run_id, text=f"{model} in {run_id}") for model in models]
        )
        run.journal.close()
    ingest(workspace)
    [own] = cases(workspace, runs=["run-1"])
    app = page(workspace.path, "cases", case=f"run-1/{own['answer_id']}", run="run-1")
    assert not any(" in run-3" in one.proto.body for one in app.get("html"))  # not before it is opened
    app.session_state["case siblings"] = True
    app.run()
    assert not app.exception
    beside = [one.proto.body for one in app.get("html")]
    texts = [text for text in beside if " in run-" in text and "foreign-text" in text]
    assert ["sim/a_b in run-1" in texts[-2], "sim/c in run-3" in texts[-1]] == [
        True,
        True,
    ]  # of the newest other run
    assert any(f"case=run-3%2F{one['answer_id']}" in text
               for text in beside for one in cases(workspace, runs=["run-3"], models=["sim/c"]))  # fmt: skip
    assert any("sim/a_b · correct disease" in one.value for one in app.text)


def test_a_question_of_one_model_has_none_beside_it(tmp_path: Path, page: Opened) -> None:
    workspace = Workspace(tmp_path / "workspace")
    item = diagnosis("d1")
    stored_run(workspace, [right(item)])
    ingest(workspace)
    app = page(workspace.path, "cases", case=f"run-1/{cases(workspace)[0]['answer_id']}")
    app.session_state["case siblings"] = True
    app.run()
    assert "No other model was asked this question in the same way." in [one.value for one in app.caption]


def test_a_question_without_a_reply_is_not_answered_in_list_and_case(tmp_path: Path, page: Opened) -> None:
    workspace = Workspace(tmp_path / "workspace")
    item = diagnosis("d1")
    stored_run(workspace, [failed(item), right(item, "sim/b")])
    ingest(workspace)
    one, other = cases(workspace)
    assert one["outcome"] == "not_answered"
    app = page(workspace.path, "cases", case=f"run-1/{one['answer_id']}")
    assert any(text.value.endswith("not answered") for text in app.text)
    app = page(workspace.path, "cases", case=f"run-1/{other['answer_id']}")
    app.session_state["case siblings"] = True
    app.run()
    assert '<span class="tag plain">error</span>' in [one.proto.body for one in app.get("html")]


def test_pages_read_together_are_those_of_the_list(
    audited: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPINEBENCH_DASHBOARD_WORKSPACE", str(audited.path))
    monkeypatch.setattr(case_selection, "PAGE", 20)
    monkeypatch.setattr(case_selection, "_PAGES_AT_ONCE", 3)
    everything = [one["answer_id"] for one in audited.query("cases", size=1000).to_pylist()]
    for number in range(1, 8):  # 90 cases: the last full page is the fourth, the sixth is none
        found = [one["answer_id"] for one in case_selection.cases_on_page({}, number)]
        assert found == everything[20 * (number - 1) : 20 * number]
    case_selection.remember_list({}, 4)
    monkeypatch.setattr(case_selection, "rows", None)  # nothing more is asked
    names = [case_selection.case_name(one) for one in audited.query("cases", size=1000).to_pylist()]
    place = case_selection.place_of({}, names[79])
    assert place == case_selection.Place(80, 90, names[78], names[80])


def test_the_case_that_follows_is_read_ahead(
    audited: Workspace, page: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    import streamlit as st

    if case_data._ahead is not None:
        case_data._ahead.join()
    st.cache_data.clear()  # of what other tests have read
    first, second, third = cases(audited, sort="asked")[:3]
    page(audited.path, "cases", case=f"{first['run_id']}/{first['answer_id']}")
    assert case_data._ahead is not None
    case_data._ahead.join()
    monkeypatch.setattr("spinebench.store.database.Database.queries", None)
    assert case_data.read_case(second["run_id"], second["answer_id"]) is not None
    with pytest.raises(TypeError):
        case_data.read_case(third["run_id"], third["answer_id"])


def test_a_case_outside_the_filters_stands_among_those_of_its_run(audited: Workspace, page: Opened) -> None:
    here = next(one for one in cases(audited) if one["model"] == "sim/careful")
    app = page(audited.path, "cases", case=f"{here['run_id']}/{here['answer_id']}", model="sim/guesser")
    assert any("of 90 of its run" in one.value for one in app.text)


@pytest.mark.parametrize("sort", ["asked", "difference", "score", "model", "disease", "outcome"])
def test_the_cases_beside_one_are_those_of_the_list(audited: Workspace, sort: str) -> None:
    everything = cases(audited, sort=sort)
    for at in (0, 1, 44, 88, 89):
        here = everything[at]
        beside = cases(
            audited, sort=sort, at_run=here["run_id"], at_answer=here["answer_id"], before=2, size=2
        )
        assert {one["place"] for one in beside} == {at + 1}
        assert [one["answer_id"] for one in beside] == [
            one["answer_id"] for one in everything[max(at - 2, 0) : at + 3]
        ]


@pytest.mark.parametrize("name", ["", "nothing", "a/b", "../../etc/passwd", "a/b/c"])
def test_an_unknown_case_is_said_to_be_unknown(audited: Workspace, page: Opened, name: str) -> None:
    app = page(audited.path, "cases", case=name)
    assert not app.exception
    assert "no such case" in app.error[0].value


def test_the_prompt_is_shown_only_where_its_hash_is_that_of_the_answer() -> None:
    template = packaged("surgeon").templates["diagnosis"]
    asked: dict[str, Any] = {
        "persona": "surgeon", "task": "diagnosis", "question": "Which?", "options": ["x", "y"], "permutation": [1, 0]
    }  # fmt: skip
    prompt = asked_prompt(**asked, prompt_hash=template.hash)
    assert prompt is not None
    assert "A: y, B: x" in prompt
    assert "Which?" in prompt
    assert asked_prompt(**asked, prompt_hash="0" * 64) is None
    assert asked_prompt(**{**asked, "persona": "file:own"}, prompt_hash=template.hash) is None
    assert asked_prompt(**{**asked, "permutation": [0]}, prompt_hash=template.hash) is None


def test_files_to_take_along(audited: Workspace) -> None:
    asked: dict[str, Any] = {"models": ["sim/careful"], "audit_id": audited.audits()[-1].audit_id}
    rows = list(exported(audited, asked).rows)
    assert [one["answer_id"] for one in rows] == [one["answer_id"] for one in cases(audited, **asked)]
    table = list(csv.DictReader(io.StringIO(b"".join(as_csv(rows)).decode("utf-8-sig"))))
    lines = [json.loads(line) for line in b"".join(as_jsonl(rows)).decode().splitlines()]
    texts = {one["answer_id"]: one["text"] for one in audited.answers().to_pylist()}
    assert [one["text"] for one in lines] == [texts[one["answer_id"]] for one in lines]
    assert [one["answer_id"] for one in table] == [one["answer_id"] for one in lines]
    assert "30 of 30 cases" in b"".join(as_html(audited, exported(audited, asked))).decode()


def test_a_file_goes_on_over_several_readings(audited: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_export, "_AT_ONCE", 7)
    rows = list(exported(audited, {"sort": "disease"}).rows)
    assert [one["answer_id"] for one in rows] == [one["answer_id"] for one in cases(audited, sort="disease")]
    holding = list(exported(audited, {"text": "FINAL option"}).rows)
    assert {one["answer_id"] for one in holding} == {
        one["answer_id"] for one in cases(audited, text="FINAL option")
    }


def test_only_addresses_that_a_page_made_give_files(audited: Workspace) -> None:
    client = TestClient(Starlette(routes=export_routes(audited)))
    address = export_url("jsonl", {"models": ["sim/careful"]}).removeprefix(".")
    answer = client.get(address)
    assert answer.headers["content-disposition"] == 'attachment; filename="spinebench-cases.jsonl"'
    assert len(answer.text.splitlines()) == 30
    assert client.get(address.replace(".jsonl", ".csv")).status_code == 403
    assert client.get(address[:-1]).status_code == 403
    assert client.get("/case-files/spinebench-cases.csv").status_code == 403
    assert client.get("/case-files/spinebench-cases.exe").status_code == 403


def test_the_files_of_a_selection_are_downloaded(audited: Workspace, dashboard: str, tab: Page) -> None:
    tab.goto(dashboard + cases_url(model="sim/guesser", sort="disease"))
    for label, n in (("CSV", 30), ("JSONL", 30), ("HTML", 30)):
        with tab.expect_download() as waiting:
            tab.get_by_role("link", name=label, exact=True).click()
        path = waiting.value.path()
        if label == "HTML":
            alone = tab.context.new_page()
            alone.set_content(path.read_text("utf-8"))
            assert alone.locator("section").count() == n
            continue
        text = path.read_text("utf-8-sig")
        read = (
            list(csv.DictReader(io.StringIO(text)))
            if label == "CSV"
            else list(map(json.loads, text.splitlines()))
        )
        assert [one["answer_id"] for one in read] == [
            one["answer_id"] for one in cases(audited, models=["sim/guesser"], sort="disease")
        ]


def test_no_cell_is_a_formula() -> None:
    assert (
        b"".join(as_csv([{"text": "=HYPERLINK(1)"}])).decode("utf-8-sig").splitlines()[1] == "'=HYPERLINK(1)"
    )


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return hostile_workspace(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def hostile_dashboard(hostile: Workspace) -> Iterator[str]:
    with serving(hostile) as address:
        yield address


def test_the_page_to_take_along_can_do_nothing(hostile: Workspace) -> None:
    text = b"".join(as_html(hostile, exported(hostile, {}))).decode()
    assert "<script" not in text
    assert "<img src='http" not in text
    assert "data:image/png;base64," in text
    assert "default-src 'none'" in text


def test_hostile_texts_do_nothing_in_a_browser(hostile: Workspace, hostile_dashboard: str, tab: Page) -> None:
    asked_outside: list[str] = []
    tab.on("request", lambda request: asked_outside.append(request.url) if "evil" in request.url else None)
    tab.goto(hostile_dashboard + case_url("run-1", key("d1").id()))
    tab.get_by_text("How the answer was read").wait_for()
    for fold in tab.locator("summary").all():
        fold.scroll_into_view_if_needed()
    tab.get_by_text("Native reasoning (").click()
    tab.locator("canvas").wait_for()
    tab.get_by_text("The same question, all models side by side").click()
    tab.get_by_text("(this case)").wait_for()
    tab.wait_for_timeout(500)
    shown = tab.inner_text("body")
    assert "<script>window.hacked = 1" in shown
    assert "![x](http://evil.invalid/m.png)" in shown
    assert "⟨U+202E⟩" in shown
    assert "⟨U+001B⟩" in shown
    assert "⟨U+200B⟩" in shown
    assert tab.evaluate("window.hacked") is None
    assert tab.locator("a[href^='javascript']").count() == 0
    assert asked_outside == []


def test_an_image_is_zoomed_and_windowed(hostile_dashboard: str, tab: Page) -> None:
    tab.goto(hostile_dashboard + case_url("run-1", key("d1").id()))
    viewer = tab.locator(".viewer[data-loaded='0']")
    viewer.wait_for()
    tab.wait_for_timeout(300)
    before = float(viewer.get_attribute("data-scale") or "")
    canvas = tab.locator(".viewer canvas")
    canvas.hover()
    tab.mouse.wheel(0, -400)  # e to the power of 400/400
    tab.wait_for_timeout(200)
    assert float(viewer.get_attribute("data-scale") or "") == pytest.approx(before * 2.718, rel=0.01)
    tab.locator(".viewer [name=width]").fill("100")
    assert viewer.get_attribute("data-window") == "100/127.5"
    tab.get_by_role("button", name="1:1").click()
    assert viewer.get_attribute("data-scale") == "1.000"


def test_five_megabytes_are_read_in_parts(hostile_dashboard: str, tab: Page) -> None:
    tab.goto(hostile_dashboard + case_url("run-1", key("d2").id()))
    tab.get_by_text("shown in 252 parts").wait_for()  # 420,000 times 12 characters by 20,000
    assert len(tab.inner_text("body")) < 60_000


def test_rows_open_cases_and_keys_go_on(dashboard: str, audited: Workspace, tab: Page) -> None:
    tab.goto(dashboard + cases_url(sort="difference"))
    tab.get_by_text("90 cases").wait_for()
    table = tab.get_by_test_id("stDataFrame").locator("canvas").first
    table.wait_for()
    tab.wait_for_timeout(800)
    table.click(position={"x": 16, "y": 52}, force=True)  # another canvas lies over it
    tab.get_by_text("Case 1 of 90").wait_for()
    table.wait_for(state="detached")  # it has the keys as long as it is there
    tab.get_by_text("Data as of").wait_for()
    tab.get_by_test_id("stStatusWidget").wait_for(state="detached")
    tab.wait_for_timeout(500)
    tab.keyboard.press("ArrowRight")
    tab.get_by_text("Case 2 of 90").wait_for()
    second = cases(audited, sort="difference")[1]
    assert second["answer_id"] in tab.url
    tab.keyboard.press("ArrowLeft")
    tab.get_by_text("Case 1 of 90").wait_for()
    tab.get_by_role("button", name="Back to the list").click()
    table.wait_for()
    tab.wait_for_timeout(800)
    table.click(position={"x": 16, "y": 52}, force=True)  # no row is still selected
    tab.get_by_text("Case 1 of 90").wait_for()


def test_a_cell_of_a_table_is_text_and_has_an_end() -> None:
    found = table_html([{"judge": "<b>x</b>", "reason": "\u202e" + "y" * 30_000}], ("judge", "reason"))
    assert "<td>&lt;b&gt;x&lt;/b&gt;</td>" in found
    assert "⟨U+202E⟩" in found
    assert "(cut here, of 30,001 characters)" in found
    assert len(found) < 21_000
