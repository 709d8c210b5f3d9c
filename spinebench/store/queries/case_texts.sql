-- The texts of answers, for files that people take with them; $keys are '<run id>/<answer id>'.
SELECT a.run_id, a.answer_id, i.question, i.options, a.option_permutation, a.text, a.reasoning, x.rule, x.span_start,
    x.span_end, a.provider_model, a.finished_at
FROM answers AS a
JOIN items AS i ON i.run_id = a.run_id AND i.item_id = a.item_id
LEFT JOIN extractions AS x ON x.run_id = a.run_id AND x.answer_id = a.answer_id
WHERE list_contains($keys::VARCHAR[], a.run_id || '/' || a.answer_id)
