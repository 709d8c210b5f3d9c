-- On which dimensions validation traces of a task have scores, by judges or clinicians.
SELECT DISTINCT t.task, s.dimension
FROM (
    SELECT audit_id, trace_id, dimension FROM judge_scores
    UNION ALL
    SELECT audit_id, trace_id, dimension FROM rating_scores
) AS s
JOIN audit_traces AS t ON t.audit_id = s.audit_id AND t.trace_id = s.trace_id
WHERE s.audit_id = $audit_id AND t.split = 'validation'
ORDER BY ALL
