"""Replay of the level-aware benchmark's tables (arXiv 2510.03160): Tables 6, 7, 10, 11 and appendix D.

Formulas: an accuracy is a whole count of its questions; qa_avg weighs both accuracies by their counts; a
section is the mean of its dimensions in appendix D; report_score = 20 x mean of the five sections; overall
weighs text, image and report by their counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import combinations

from spinebench.evaluators.published.cells import (
    CheckedCell,
    Contradiction,
    Replay,
    Rounded,
    half_up,
    named,
    possible_percentages,
    printed,
    scaled,
    weighted_mean,
    whole_counts,
)
from spinebench.evaluators.published.tables import LevelAwareTables, Rows, Shares
from spinebench.evaluators.report_formula import points_per_value

Row = Mapping[str, Rounded]
ACCURACIES = ("text_acc", "image_acc")


def replay_level_aware(tables: LevelAwareTables) -> Replay:
    """Every derived cell of the four tables. A row printed in two tables is counted once, in the first."""
    checker = _Checker(tables)
    table6 = _rows(tables.table6, tables.decimals)
    table7 = _rows(tables.table7, tables.decimals)
    dimensions = _rows(tables.appendix_d, tables.decimals)
    cells: list[CheckedCell] = []
    contradictions: list[Contradiction] = []
    for name, row in table6.items():
        checked = [*checker.accuracies("6", name, row), *checker.scores("6", name, row, dimensions[name])]
        cells += checked
        contradictions += _contradictions(checker, "6", name, row, checked)
    for name, row in table7.items():
        checked = checker.accuracies("7", name, row)
        cells += checked
        found = _contradictions(checker, "7", name, row, checked)
        twin = next((other for other, values in table6.items() if row.items() <= values.items()), None)
        if twin is None:
            contradictions += found
        else:
            _repeat(contradictions, found, twin, f"table 7, row {name!r}")
    for label, shares, total in (
        ("10", tables.table10, checker.n_all),
        ("11", tables.table11, checker.n_text + checker.n_image),
    ):
        checked = _shares(label, shares, total)
        cells += checked
        contradictions += [_single(cell, cell.rule) for cell in checked if cell.contradicts]
    return Replay(
        benchmark=tables.benchmark,
        source=f"{tables.paper}: {tables.where}",
        cells=tuple(cells),
        contradictions=tuple(contradictions),
        remarks=_remarks(tables, checker.n_all),
    )


class _Checker:
    """Formulas of the paper over one row."""

    def __init__(self, tables: LevelAwareTables) -> None:
        self.decimals = tables.decimals
        self.sections = tables.sections
        self.n_text, self.n_image = tables.counts.text_mcq, tables.counts.image_mcq
        self.n_report = tables.counts.report
        self.n_all = self.n_text + self.n_image + self.n_report

    def accuracies(self, table: str, name: str, row: Row) -> list[CheckedCell]:
        """text_acc and image_acc as whole counts, qa_avg as their weighted mean."""
        cells = []
        for column, n in zip(ACCURACIES, (self.n_text, self.n_image), strict=True):
            counts = whole_counts(row[column], n)
            values = (
                (half_up(Fraction(100 * counts[0], n), self.decimals),)
                if counts
                else possible_percentages(row[column], n, self.decimals)
            )
            cells.append(self._cell(table, name, column, row, values, not counts, f"k / {n} for a whole k"))
        cells.append(
            self._derived(
                table,
                name,
                "qa_avg",
                row,
                self._qa(row),
                "mean of text_acc and image_acc weighted by their counts",
            )
        )
        return cells

    def scores(self, table: str, name: str, row: Row, dimensions: Row) -> list[CheckedCell]:
        """Sections from appendix D, report_score from the sections, overall from the three parts."""
        cells = []
        for section, parts in self.sections.items():
            if len(parts) == 1:  # the same number printed twice: no rounding in between
                value = Rounded(dimensions[parts[0]].value, -row[section].slack)
                rule = f"{parts[0]} of appendix D"
            else:
                value = weighted_mean([dimensions[part] for part in parts])
                rule = f"mean of {', '.join(parts)} of appendix D"
            cells.append(self._derived(table, name, section, row, value, rule))
        report = scaled(weighted_mean([row[section] for section in self.sections]), points_per_value())
        cells.append(
            self._derived(table, name, "report_score", row, report, "20 x mean of the five sections")
        )
        overall = weighted_mean(
            [row["text_acc"], row["image_acc"], row["report_score"]],
            [self.n_text, self.n_image, self.n_report],
        )
        rule = "mean of text_acc, image_acc and report_score weighted by their counts"
        cells.append(self._derived(table, name, "overall", row, overall, rule))
        return cells

    def _qa(self, row: Row) -> Rounded:
        """Known within the accuracies' rounding; centred on the exact share where both are whole counts."""
        mean = weighted_mean([row[column] for column in ACCURACIES], [self.n_text, self.n_image])
        text = whole_counts(row["text_acc"], self.n_text)
        image = whole_counts(row["image_acc"], self.n_image)
        if text and image:
            exact = Fraction(100 * (text[0] + image[0]), self.n_text + self.n_image)
            return Rounded(exact, mean.slack + abs(exact - mean.value))
        return mean

    def _derived(
        self, table: str, name: str, column: str, row: Row, value: Rounded, rule: str
    ) -> CheckedCell:
        rounded = (half_up(value.value, self.decimals),)
        return self._cell(table, name, column, row, rounded, not value.touches(row[column]), rule)

    def _cell(
        self, table: str, name: str, column: str, row: Row, values: tuple[float, ...], wrong: bool, rule: str
    ) -> CheckedCell:
        return CheckedCell(
            table=table,
            row=name,
            cell=column,
            rule=rule,
            printed=float(row[column].value),
            recomputed=values,
            contradicts=wrong,
        )


def _contradictions(
    checker: _Checker, table: str, name: str, row: Row, checked: Sequence[CheckedCell]
) -> list[Contradiction]:
    wrong = [cell for cell in checked if cell.contradicts]
    exchanged = _exchanged(checker, table, name, row) if len(wrong) > 1 else None
    if exchanged is not None:
        first, second = exchanged
        pair = Contradiction(
            table=table,
            row=name,
            cells=exchanged,
            printed=(float(row[first].value), float(row[second].value)),
            recomputed=((float(row[second].value),), (float(row[first].value),)),
            reason="the two cells are exchanged",
        )
        return [pair, *(_single(cell, _reason(cell, row)) for cell in wrong if cell.cell not in _MCQ)]
    return [_single(cell, _reason(cell, row)) for cell in wrong]


_MCQ = (*ACCURACIES, "qa_avg")


def _exchanged(checker: _Checker, table: str, name: str, row: Row) -> tuple[str, str] | None:
    """The two of text_acc, image_acc and qa_avg that, exchanged, leave all three in order."""
    for first, second in combinations(_MCQ, 2):
        other = {**row, first: row[second], second: row[first]}
        if not any(cell.contradicts for cell in checker.accuracies(table, name, other)):
            return first, second
    return None


def _reason(cell: CheckedCell, row: Row) -> str:
    if cell.cell in ACCURACIES:
        return f"not {cell.rule}"
    if cell.cell == "overall" and "qa_avg" in row:
        plain = weighted_mean([row["qa_avg"], row["report_score"]])
        if plain.touches(row["overall"]):
            return f"{cell.rule}; printed is the unweighted mean of qa_avg and report_score"
    return cell.rule


def _single(cell: CheckedCell, reason: str) -> Contradiction:
    return Contradiction(
        table=cell.table,
        row=cell.row,
        cells=(cell.cell,),
        printed=(cell.printed,),
        recomputed=(cell.recomputed,),
        reason=reason,
    )


def _repeat(known: list[Contradiction], found: Sequence[Contradiction], twin: str, where: str) -> None:
    """Note on the contradictions of row `twin` that another table prints them again."""
    again = {contradiction.cells for contradiction in found}
    for index, contradiction in enumerate(known):
        if contradiction.row == twin and contradiction.cells in again:
            repeated = (*contradiction.repeated_in, where)
            known[index] = contradiction.model_copy(update={"repeated_in": repeated})


def _shares(table: str, shares: Shares, total: int) -> list[CheckedCell]:
    cells = []
    for name, count, text in shares.rows:
        share = Rounded(Fraction(100 * count, total))
        cell = printed(text, shares.decimals)
        cells.append(
            CheckedCell(
                table=table,
                row=name,
                cell="percent",
                rule=f"count / {total}",
                printed=float(cell.value),
                recomputed=(half_up(share.value, shares.decimals),),
                contradicts=not share.touches(cell),
            )
        )
    return cells


def _rows(table: Rows, decimals: int) -> dict[str, dict[str, Rounded]]:
    return {
        name: {column: printed(text, decimals) for column, text in named(table.columns, row).items()}
        for name, row in table.rows.items()
    }


def _remarks(tables: LevelAwareTables, n_all: int) -> tuple[str, ...]:
    listed = sum(count for _, count, _ in tables.table10.rows)
    return (
        f"accuracies: {tables.counts_note}",
        f"table 10: the counts listed add up to {listed}, the percentages are of {n_all} "
        "(multiple choice and reports)",
    )
