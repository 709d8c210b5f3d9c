-- A page of the drawn traces in the audit's order, without their texts.
SELECT
    t.audit_id, t.trace_id, t.position, t.run_id, t.answer_id, t.item_id, t.model, t.task, t.disease, t.modality,
    t.source, t.image, t.cluster, t.correct, t.outcome, t.stratum, t.probability, t.drawn_by, t.split, t.text_sha256,
    v.refers_by, coalesce(len(v.refers_by) > 0, false) AS referred, v.rating_probability, v.n_unparsed,
    (SELECT count(*) FROM judgements AS j WHERE j.audit_id = t.audit_id AND j.trace_id = t.trace_id) AS n_judgements,
    (SELECT count(*) FROM current_ratings AS r WHERE r.audit_id = t.audit_id AND r.trace_id = t.trace_id) AS n_ratings,
    t.simulated, t.partial
FROM audit_traces AS t
LEFT JOIN reviews AS v ON v.audit_id = t.audit_id AND v.trace_id = t.trace_id
WHERE ($audit_id::VARCHAR IS NULL OR t.audit_id = $audit_id)
    AND ($model::VARCHAR IS NULL OR t.model = $model)
    AND ($task::VARCHAR IS NULL OR t.task = $task)
    AND ($correct::BOOLEAN IS NULL OR t.correct = $correct)
    AND ($referred::BOOLEAN IS NULL OR coalesce(len(v.refers_by) > 0, false) = $referred)
ORDER BY t.audit_id, t.position
LIMIT $size::BIGINT
OFFSET coalesce($skip::BIGINT, 0)
