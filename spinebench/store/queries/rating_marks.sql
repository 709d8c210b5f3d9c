-- Failure modes that clinicians found, by current ratings.
SELECT m.audit_id, m.trace_id, m.rater, m.mode, m.rating_id, r.packet_id, r.duplicate, t.model, t.task, t.correct, t.stratum,
    t.probability, m.simulated OR coalesce(a.simulated, false) AS simulated, m.partial
FROM rating_marks AS m
JOIN current_ratings AS r ON r.audit_id = m.audit_id AND r.rating_id = m.rating_id
JOIN audit_traces AS t ON t.audit_id = m.audit_id AND t.trace_id = m.trace_id
LEFT JOIN raters AS a ON a.rater = m.rater
WHERE ($audit_id::VARCHAR IS NULL OR m.audit_id = $audit_id)
    AND ($trace_id::VARCHAR IS NULL OR m.trace_id = $trace_id)
ORDER BY m.audit_id, t.position, m.rater, r.line, m.mode
