SELECT c.*, t.model, t.task, t.correct
FROM judge_claims AS c
JOIN audit_traces AS t ON t.audit_id = c.audit_id AND t.trace_id = c.trace_id
WHERE ($audit_id::VARCHAR IS NULL OR c.audit_id = $audit_id)
    AND ($trace_id::VARCHAR IS NULL OR c.trace_id = $trace_id)
ORDER BY c.audit_id, t.position, c.judge, c.repeat, c.number
