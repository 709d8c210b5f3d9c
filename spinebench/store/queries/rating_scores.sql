-- Long: one row per rating and dimension; score is NULL for 'cannot assess'. Superseded ratings only where
-- $superseded is true. Scores are those before adjudication.
SELECT
    s.audit_id, s.trace_id, s.rater, s.dimension, s.score, s.cannot_assess, s.rating_id, r.packet_id, r.duplicate,
    NOT EXISTS (FROM current_ratings AS c WHERE c.audit_id = r.audit_id AND c.rating_id = r.rating_id) AS is_superseded,
    r.line, r.comment, r.safety, r.active_s, r.rubric_hash, r.source, r.saved_at, r.taken_in_at,
    t.run_id, t.model, t.task, t.cluster, t.correct, t.outcome, t.stratum, t.probability, t.split,
    v.rating_probability,
    s.simulated OR coalesce(a.simulated, false) AS simulated, s.partial
FROM rating_scores AS s
JOIN ratings AS r ON r.audit_id = s.audit_id AND r.rating_id = s.rating_id
JOIN audit_traces AS t ON t.audit_id = s.audit_id AND t.trace_id = s.trace_id
LEFT JOIN reviews AS v ON v.audit_id = s.audit_id AND v.trace_id = s.trace_id
LEFT JOIN raters AS a ON a.rater = s.rater
WHERE ($audit_id::VARCHAR IS NULL OR s.audit_id = $audit_id)
    AND ($trace_id::VARCHAR IS NULL OR s.trace_id = $trace_id)
    AND ($rater::VARCHAR IS NULL OR s.rater = $rater)
    AND ($dimension::VARCHAR IS NULL OR s.dimension = $dimension)
    AND (
        coalesce($superseded::BOOLEAN, false)
        OR EXISTS (FROM current_ratings AS c WHERE c.audit_id = r.audit_id AND c.rating_id = r.rating_id)
    )
ORDER BY s.audit_id, t.position, s.rater, r.line, s.dimension
