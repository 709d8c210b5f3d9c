-- The texts of answers, for files that people take with them; $keys are '<run id>/<answer id>'.
WITH wanted AS (
    SELECT split_part(name, '/', 1) AS run_id, split_part(name, '/', 2) AS answer_id
    FROM (SELECT DISTINCT unnest($keys::VARCHAR[]) AS name)
)
SELECT a.run_id, a.answer_id, i.question, i.options, a.option_permutation, a.text, a.reasoning, x.rule, x.span_start,
    x.span_end, a.provider_model, a.finished_at
FROM wanted AS w
JOIN answers AS a ON a.run_id = w.run_id AND a.answer_id = w.answer_id
JOIN items AS i ON i.run_id = a.run_id AND i.item_id = a.item_id
LEFT JOIN extractions AS x ON x.run_id = w.run_id AND x.answer_id = w.answer_id
