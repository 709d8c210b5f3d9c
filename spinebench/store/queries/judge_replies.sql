-- What the judges wrote, the rejected replies included, with what was wrong with them.
SELECT p.*, j.trace_id, j.judge, j.repeat, j.status, p.number = j.n_replies AND j.status = 'scored' AS accepted
FROM judge_replies AS p
JOIN judgements AS j ON j.audit_id = p.audit_id AND j.judgement_id = p.judgement_id
WHERE ($audit_id::VARCHAR IS NULL OR p.audit_id = $audit_id)
    AND ($trace_id::VARCHAR IS NULL OR j.trace_id = $trace_id)
ORDER BY p.audit_id, j.line, p.number
