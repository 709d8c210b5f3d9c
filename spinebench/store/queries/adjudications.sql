SELECT d.*, t.model, t.task
FROM adjudications AS d
JOIN audit_traces AS t ON t.audit_id = d.audit_id AND t.trace_id = d.trace_id
WHERE $audit_id::VARCHAR IS NULL OR d.audit_id = $audit_id
ORDER BY d.audit_id, t.position, d.dimension
