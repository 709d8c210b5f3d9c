"""Numbers of figures in captions and sentences."""

from __future__ import annotations

import pytest

from spinebench.corpus.captions import caption_label, label_of_file, mentions


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Figure 3. Sagittal T2 image.", "3"),
        ("FIGURE 3: Sagittal T2 image", "3"),
        ("Fig. 2a Sagittal T2 image", "2a"),
        ("Fig 2(b) – axial", "2b"),
        ("Fig. 2a–c. Three views", "2"),
        ("Figure 1-2 | The neck", "1-2"),
        ("Figure 1.2 The neck", "1-2"),
        ("Fig. S1. More cases", "s1"),
        ("Supplementary Figure 1. More cases", "s1"),
        ("Figure IV. Old style", "iv"),
        ("Fig. 10", "10"),
        ("图1 腰椎侧位片", "1"),
        ("图1腰椎侧位片", "1"),
        ("图 1-2 腰椎MRI", "1-2"),
        ("图１：腰椎", "1"),
        ("图2A。术后", "2a"),
        ("附图1 侧位片", "s1"),
    ],
)
def test_a_caption_names_its_figure(text: str, label: str) -> None:
    assert str(caption_label(text)) == label


@pytest.mark.parametrize(
    "text",
    [
        "Figure 3 shows the disc.",
        "Figures 2 and 3 show both.",
        "Fig. 4 is a lateral view.",
        "Figures are listed below.",
        "Configure 3 things.",
        "The disc is dark (Figure 3).",
        "图3所示为腰椎。",
        "图3显示椎间盘突出。",
        "图2和图3为术后片。",
        "图像质量良好。",
        "",
    ],
)
def test_a_sentence_about_a_figure_is_no_caption(text: str) -> None:
    assert caption_label(text) is None


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("as in Figs. 2 and 4b, and Fig. 7", {"2", "4b", "7"}),
        ("see Figures 2–4.", {"2", "3", "4"}),
        ("see Figures 2 to 4.", {"2", "3", "4"}),
        ("Figure 1-2 and Figure 1-3", {"1-2", "1-3"}),
        ("(Fig. 2, arrow)", {"2"}),
        ("如图1、图3和图5所示", {"1", "3", "5"}),
        ("见图1至图3", {"1", "2", "3"}),
        ("见图1-2", {"1-2"}),
        ("no figure, 3 discs", set()),
        ("Figures 1–9000000 of a joke", {"1"}),
    ],
)
def test_mentions(text: str, labels: set[str]) -> None:
    assert {str(one) for one in mentions(text)} >= labels
    assert len(mentions(text)) <= len(labels) + 1


@pytest.mark.parametrize(
    ("name", "label"),
    [("fig3.png", "3"), ("Figure_03a.jpg", "3a"), ("图2.png", "2"), ("chapter-fig-12.png", "12")],
)
def test_a_file_name_numbers_a_figure(name: str, label: str) -> None:
    assert str(label_of_file(name)) == label


@pytest.mark.parametrize("name", ["config3.png", "3.png", "fig.png", "fig2022x.png"])
def test_other_file_names_do_not(name: str) -> None:
    assert label_of_file(name) is None
