-- The current ratings, without their scores.
SELECT r.* REPLACE (r.simulated OR coalesce(a.simulated, false) AS simulated), t.model, t.task, t.correct
FROM current_ratings AS r
JOIN audit_traces AS t ON t.audit_id = r.audit_id AND t.trace_id = r.trace_id
LEFT JOIN raters AS a ON a.rater = r.rater
WHERE ($audit_id::VARCHAR IS NULL OR r.audit_id = $audit_id)
    AND ($rater::VARCHAR IS NULL OR r.rater = $rater)
ORDER BY r.audit_id, r.rater, r.line
