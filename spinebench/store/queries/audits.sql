-- One row per audit. Judgements are the latest of each key; cost is that of all replies, NULL where none had a price.
SELECT
    a.audit_id, a.created_at, a.run_ids, a.judges, a.repeats, a.mode, a.strata_by, a.per_cell, a.random_share, a.n_frame,
    a.n_traces, a.n_traces * len(a.judges) * a.repeats AS n_planned,
    (SELECT count(*) FROM judgements AS j WHERE j.audit_id = a.audit_id) AS n_judgements,
    (SELECT count(*) FROM judgements AS j WHERE j.audit_id = a.audit_id AND j.status = 'scored') AS n_scored,
    (SELECT count(*) FROM judgements AS j WHERE j.audit_id = a.audit_id AND j.status = 'unparsed') AS n_unparsed,
    (SELECT count(*) FROM judgements AS j WHERE j.audit_id = a.audit_id AND j.status = 'refused') AS n_refused,
    (SELECT count(*) FROM judgements AS j WHERE j.audit_id = a.audit_id AND j.status = 'error') AS n_failed,
    (SELECT count(*) FROM reviews AS v WHERE v.audit_id = a.audit_id) AS n_reviewed,
    (SELECT count(*) FROM reviews AS v WHERE v.audit_id = a.audit_id AND len(v.refers_by) > 0) AS n_referred,
    (SELECT count(DISTINCT rater) FROM assignments AS s WHERE s.audit_id = a.audit_id) AS n_raters,
    (SELECT count(*) FROM assignments AS s WHERE s.audit_id = a.audit_id) AS n_assigned,
    (SELECT count(*) FROM current_ratings AS r WHERE r.audit_id = a.audit_id) AS n_ratings,
    (SELECT min(locked_at) FROM rating_locks AS l WHERE l.audit_id = a.audit_id) AS locked_at,
    (SELECT sum(cost_usd) FROM judge_usage AS u WHERE u.audit_id = a.audit_id AND NOT u.reused) AS cost_usd,
    a.rubric_hash, a.prompt_hash, a.simulated, a.partial
FROM audits AS a
WHERE $audit_id::VARCHAR IS NULL OR a.audit_id = $audit_id
ORDER BY a.created_at, a.audit_id
