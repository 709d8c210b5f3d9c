-- The latest judgement of each key, also those without scores.
SELECT j.*, t.model, t.task, t.correct
FROM judgements AS j
JOIN audit_traces AS t ON t.audit_id = j.audit_id AND t.trace_id = j.trace_id
WHERE ($audit_id::VARCHAR IS NULL OR j.audit_id = $audit_id)
    AND ($trace_id::VARCHAR IS NULL OR j.trace_id = $trace_id)
    AND ($judge::VARCHAR IS NULL OR j.judge = $judge)
ORDER BY j.audit_id, t.position, j.judge, j.repeat
