"""What a run or audit is, word for word as it was written before the first question: plan, hashes, versions."""

from __future__ import annotations

import json

import streamlit as st

from spinebench.audit_records import AuditSpec
from spinebench.records import RunSpec


def show_spec(spec: RunSpec | AuditSpec) -> None:
    """The hashes and versions as a table, the plan and the parts of its digest as text to be opened."""
    facts: dict[str, str] = {"digest": spec.digest, "seed": str(spec.seed)}
    if isinstance(spec, RunSpec):
        facts["items hash"] = spec.benchmark.items_hash
        facts["benchmark file"] = spec.benchmark.path
        facts["epochs"] = str(spec.epochs)
        facts["option orders"] = ", ".join(spec.option_orders)
    else:
        facts["rubric hash"] = spec.rubric_hash
        facts["prompt hash"] = spec.prompt_hash
        facts["frame hash"] = spec.sample.frame_hash
        facts["runs"] = ", ".join(spec.sample.run_ids)
    facts["created (UTC)"] = f"{spec.created_at:%Y-%m-%d %H:%M:%S}"
    facts |= {f"version of {name}": version for name, version in spec.versions.items()}
    st.dataframe(
        [{"what": name, "value": value} for name, value in facts.items()], hide_index=True, width="stretch"
    )
    for title, value in (("Plan", spec.plan), ("Parts of the digest", spec.digest_parts)):
        with st.expander(title):
            st.code(json.dumps(value, indent=2, ensure_ascii=False), language="json")
