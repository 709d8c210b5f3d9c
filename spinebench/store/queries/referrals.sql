-- Traces that go to clinicians, why, with which probability, and how many have rated them so far.
SELECT
    v.audit_id, v.trace_id, t.position, t.model, t.task, t.correct, t.outcome, t.stratum, t.probability, v.refers_by,
    v.rating_probability, v.n_unparsed,
    (SELECT count(DISTINCT rater) FROM assignments AS s WHERE s.audit_id = v.audit_id AND s.trace_id = v.trace_id)
        AS n_assigned,
    (SELECT count(DISTINCT rater) FROM current_ratings AS r WHERE r.audit_id = v.audit_id AND r.trace_id = v.trace_id)
        AS n_raters,
    v.simulated, v.partial
FROM reviews AS v
JOIN audit_traces AS t ON t.audit_id = v.audit_id AND t.trace_id = v.trace_id
WHERE len(v.refers_by) > 0
    AND ($audit_id::VARCHAR IS NULL OR v.audit_id = $audit_id)
    AND ($reason::VARCHAR IS NULL OR list_contains(v.refers_by, $reason))
ORDER BY v.audit_id, t.position
