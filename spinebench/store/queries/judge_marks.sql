-- Failure modes that judges found.
SELECT m.*, t.model, t.task, t.correct, t.stratum, t.probability
FROM judge_marks AS m
JOIN audit_traces AS t ON t.audit_id = m.audit_id AND t.trace_id = m.trace_id
WHERE ($audit_id::VARCHAR IS NULL OR m.audit_id = $audit_id)
    AND ($trace_id::VARCHAR IS NULL OR m.trace_id = $trace_id)
ORDER BY m.audit_id, t.position, m.judge, m.repeat, m.mode
