-- Long: one row per vote and dimension. Judgements without scores are in `coverage`.
SELECT
    s.*, t.run_id, t.model, t.task, t.cluster, t.correct, t.outcome, t.stratum, t.probability, t.split
FROM judge_scores AS s
JOIN audit_traces AS t ON t.audit_id = s.audit_id AND t.trace_id = s.trace_id
WHERE ($audit_id::VARCHAR IS NULL OR s.audit_id = $audit_id)
    AND ($trace_id::VARCHAR IS NULL OR s.trace_id = $trace_id)
    AND ($judge::VARCHAR IS NULL OR s.judge = $judge)
    AND ($dimension::VARCHAR IS NULL OR s.dimension = $dimension)
ORDER BY s.audit_id, t.position, s.judge, s.repeat, s.dimension
