"""Which text belongs to which figure, on Markdown written here."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinebench.corpus.anchoring import anchored_figures
from spinebench.corpus.documents import AnchoredFigure
from spinebench.corpus.markdown import read_markdown


def figures(text: str) -> tuple[AnchoredFigure, ...]:
    return anchored_figures(read_markdown(text))


def test_a_caption_below_and_the_paragraph_that_names_the_figure() -> None:
    (one,) = figures(
        "The chapter begins with words on the spine.\n\n![](a.png)\n**Figure 1.** A *dark* disc.\n\n"
        "Long after, as shown in Fig. 1a, the disc is dark.\n"
    )
    assert (one.images, one.label) == (("a.png",), "1")
    assert (one.caption, one.caption_rule) == ("Figure 1. A dark disc.", "below")
    assert [p.text for p in one.context] == ["Long after, as shown in Fig. 1a, the disc is dark."]
    assert one.context_rule == "mention"


def test_captions_above_where_the_document_has_them_so() -> None:
    found = figures("Figure 1. One.\n\n![](a.png)\n\nFigure 2. Two.\n\n![](b.png)\n")
    assert [(one.images[0], one.caption) for one in found] == [
        ("a.png", "Figure 1. One."),
        ("b.png", "Figure 2. Two."),
    ]


def test_captions_below_in_the_same_order_of_blocks() -> None:
    found = figures("![](a.png)\n\nFigure 1. One.\n\n![](b.png)\n\nFigure 2. Two.\n")
    assert [(one.images[0], one.caption) for one in found] == [
        ("a.png", "Figure 1. One."),
        ("b.png", "Figure 2. Two."),
    ]


def test_images_over_one_caption_are_one_figure() -> None:
    (one,) = figures("![](a.png) ![](b.png)\n\n![](c.png)\n\n图1-2 腰椎术前、术中与术后。\n")
    assert one.images == ("a.png", "b.png", "c.png")
    assert one.label == "1-2"


@pytest.mark.parametrize(
    ("markdown", "caption", "rule"),
    [
        ("![Fig. 4. Lateral view](x.png)", "Fig. 4. Lateral view", "alt"),
        ('![](x.png "Fig. 4. Lateral view")', "Fig. 4. Lateral view", "title"),
        ("![Lateral view of the neck][n]\n\n[n]: x.png", "Lateral view of the neck", "alt"),
        ("![Fig. 4. Lateral view](x.png){width=50%}", "Fig. 4. Lateral view", "alt"),
        ('<img src="x.png" alt="Lateral view of the neck">', "Lateral view of the neck", "alt"),
        (
            "<figure>\n<img src='x.png'>\n\n<figcaption>Fig. 4. <b>Lateral</b> view &amp; more</figcaption></figure>",
            "Fig. 4. Lateral view & more",
            "figcaption",
        ),
        ("<FIGURE><IMG SRC=x.png><FIGCAPTION>图4 侧位</FIGCAPTION></FIGURE>", "图4 侧位", "figcaption"),
        ("![腰椎侧位片](x.png)", "腰椎侧位片", "alt"),
    ],
    ids=["alt", "title", "by reference", "attributes", "img", "figure", "capitals", "chinese"],
)
def test_every_way_to_write_a_figure(markdown: str, caption: str, rule: str) -> None:
    (one,) = figures(markdown)
    assert one.images == ("x.png",)
    assert (one.caption, one.caption_rule) == (caption, rule)


@pytest.mark.parametrize(
    "markdown",
    ["```\n![](x.png)\n```", "<!-- ![](x.png) -->", "---\ncover: ![](x.png)\n---\n", "~~~\n![](x.png)\n"],
    ids=["code", "comment", "front matter", "open fence"],
)
def test_what_is_no_text_holds_no_figure(markdown: str) -> None:
    assert figures(markdown) == ()


def test_a_caption_that_a_converter_made_a_heading() -> None:
    (one,) = figures("![](a.png)\n\n## Figure 3. Sagittal view\n\nAs Figure 3 shows, the disc is dark.\n")
    assert (one.caption, one.context_rule) == ("Figure 3. Sagittal view", "mention")


def test_pictures_in_a_table_over_one_caption() -> None:
    (one,) = figures("| ![](a.png) | ![](b.png) |\n|---|---|\n\nFigure 3. Two views\n")
    assert (one.images, one.caption) == (("a.png", "b.png"), "Figure 3. Two views")


def test_without_a_number_the_nearest_paragraph_of_the_section() -> None:
    (one,) = figures(
        "# One\n\nThis paragraph is of another section altogether.\n\n# Two\n\n![x](a.png)\n\nShort.\n\n"
        "This one says enough to stand with the figure.\n"
    )
    assert one.caption is None
    assert [p.text for p in one.context] == ["This one says enough to stand with the figure."]
    assert one.context_rule == "nearest"


def test_a_figure_without_any_text_is_not_anchored() -> None:
    (one,) = figures("# Title\n\n![](a.png)\n")
    assert not one.anchored


def test_chapters_that_count_from_one_again() -> None:
    chapter = "# {0}\n\n![]({0}.png)\n\nFigure 1. The {0}.\n\nSee Figure 1 for the {0} of this chapter.\n\n"
    found = figures(chapter.format("neck") + chapter.format("back"))
    assert [one.context[0].text for one in found] == [
        "See Figure 1 for the neck of this chapter.",
        "See Figure 1 for the back of this chapter.",
    ]


def test_a_caption_belongs_to_one_figure_only() -> None:
    found = figures(
        "![](a.png)\n\nFigure 1. One.\n\n![](b.png)\n\nSome words that follow the second picture.\n"
    )
    assert [one.caption for one in found] == ["Figure 1. One.", None]


@settings(max_examples=60)
@given(st.text(alphabet="![](){}<>#-*`~ \n\t\\\"'abF.1图\0\r：", max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    for one in figures(text):
        assert one.images
        assert all(one.images)


@pytest.mark.parametrize("piece", ["![", "<figure", "<!--", "![a](", "[", "**", "图1、", "<img ", "Fig. 1, "])
def test_hostile_repetition_is_read(piece: str) -> None:
    assert len(figures(piece * 5_000)) <= 1
