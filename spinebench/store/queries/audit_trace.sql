-- One drawn trace with its text and its review.
SELECT t.*, v.refers_by, v.rating_probability, v.n_unparsed, v.reviewed_at
FROM audit_traces AS t
LEFT JOIN reviews AS v ON v.audit_id = t.audit_id AND v.trace_id = t.trace_id
WHERE t.audit_id = $audit_id AND t.trace_id = $trace_id
