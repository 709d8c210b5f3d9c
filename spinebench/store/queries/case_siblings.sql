-- Answers of all models to one item of a benchmark, asked in the same way, with the beginnings of their texts: of the
-- run itself, and of models that it did not ask, those of the newest other run on the same benchmark.
SELECT a.run_id, a.answer_id, a.model, a.status AS reply_status, left(a.text, $length::BIGINT) AS text,
    length(a.text) > $length::BIGINT AS is_cut,
    x.status, x.rule, x.span_start, x.span_end, g.correct, g.outcome, g.chosen
FROM answers AS a
JOIN runs AS r ON r.run_id = a.run_id
JOIN benchmarks AS b ON b.benchmark_id = r.benchmark_id
LEFT JOIN extractions AS x ON x.run_id = a.run_id AND x.answer_id = a.answer_id
LEFT JOIN graded_rows AS g ON g.run_id = a.run_id AND g.item_id = a.item_id AND g.answer_id = a.answer_id
WHERE b.items_hash IN (
        SELECT items_hash FROM runs JOIN benchmarks USING (benchmark_id) WHERE run_id = $run_id
    )
    AND a.item_id = $item_id AND a.persona = $persona
    AND a.image_condition = $image_condition AND a.option_order = $option_order AND a.epoch = $epoch
QUALIFY row_number() OVER (
    PARTITION BY a.model ORDER BY a.run_id = $run_id DESC, r.created_at DESC, a.run_id DESC
) = 1
ORDER BY a.model
LIMIT 50
