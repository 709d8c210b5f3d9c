"""Agreement: each judge beside the clinicians, and the clinicians among themselves."""

from __future__ import annotations

import streamlit as st

from spinebench.dashboard import agreement_tables as tables
from spinebench.dashboard.forest_chart import ForestMark, draw, forest, simulated_mark
from spinebench.evaluators.agreement import AgreementReport
from spinebench.evaluators.agreement.report import DimensionAgreement


def show_agreement(one: DimensionAgreement, report: AgreementReport) -> None:
    named = f"{one.task}, {one.dimension}"
    n = f"n = {one.n_rated} rated traces, {len(one.clinicians)} clinicians{simulated_mark(report.simulated)}"
    own = "clinicians"
    ceiling = one.ceiling
    kappa = ForestMark.of(own, "clinicians with each other", ceiling.mean_kappa)
    alpha = ForestMark.of(own, "clinicians with each other", ceiling.alpha)
    exact = ForestMark.of(own, "clinicians with each other", ceiling.exact)
    kappas, alphas, exacts, biases = [kappa], [alpha], [exact], []
    for judge in one.judges:
        kappas.append(ForestMark.of(judge.judge, "judge with clinicians", judge.panel.judge_clinician))
        kappas += [
            ForestMark.of(f"{judge.judge} with {each.clinician}", "judge with one clinician", each.kappa)
            for each in judge.each
        ]
        alphas.append(ForestMark.of(judge.judge, "judge with clinicians", judge.panel.alpha_with_judge))
        exacts.append(ForestMark.of(judge.judge, "judge with clinicians", judge.exact))
        biases.append(ForestMark.of(judge.judge, "judge with clinicians", judge.differences))
    left, right = st.columns(2, gap="large")
    with left:
        draw(
            forest(
                kappas,
                title=f"Kappa with clinicians: {named}",
                subtitle=f"quadratic weights; band: clinicians with each other; {n}",
                x_title="kappa (95 % interval)",
                domain=(-0.2, 1.0),
                ceiling=kappa,
            )
        )
    with right:
        draw(
            forest(
                alphas,
                title=f"Alpha: {named}",
                subtitle=f"ordinal; a judge's: with it as one more rater; {n}",
                x_title="Krippendorff's alpha (95 % interval)",
                domain=(-0.2, 1.0),
                ceiling=alpha,
            )
        )
        if biases:
            draw(
                forest(
                    biases,
                    title=f"Bias: {named}",
                    subtitle=f"judge less the clinicians' mean: above 0 is more lenient; {n}",
                    x_title="points of the scale (95 % interval)",
                    domain=(-1.0, 1.0),
                )
            )
        draw(
            forest(
                exacts,
                title=f"Exact agreement: {named}",
                subtitle=n,
                x_title="share of equal scores (95 % interval)",
                domain=(0.0, 1.0),
                line_at=None,
                ceiling=exact,
            )
        )
    st.subheader("Clinicians among themselves")
    tables.show_table(tables.ceiling_rows(ceiling))
    st.subheader("Judges with clinicians")
    tables.show_table(tables.judge_rows(one))
    votes = one.panel_votes
    if votes.n_raters > 1:
        worth = f"undefined ({votes.reason})" if votes.value is None else f"{votes.value:.1f}"
        st.text(f"Effective votes of the {votes.n_raters} judges, as their errors go together: {worth}.")
