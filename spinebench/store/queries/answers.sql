SELECT a.*, x.letters, x.status AS extraction_status, x.rule, x.span_start, x.span_end, g.correct, g.outcome
FROM answers AS a
LEFT JOIN extractions AS x ON x.run_id = a.run_id AND x.answer_id = a.answer_id
LEFT JOIN grades AS g ON g.run_id = a.run_id AND g.answer_id = a.answer_id
WHERE ($run_id::VARCHAR IS NULL OR a.run_id = $run_id) AND ($model::VARCHAR IS NULL OR a.model = $model)
ORDER BY a.run_id, a.line
