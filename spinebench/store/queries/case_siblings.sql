-- Answers of all models to one item, asked in the same way in the same run, with the beginnings of their texts.
SELECT a.answer_id, a.model, a.status AS reply_status, left(a.text, $length::BIGINT) AS text,
    length(a.text) > $length::BIGINT AS is_cut,
    x.status, x.rule, x.span_start, x.span_end, g.correct, g.outcome, g.chosen
FROM answers AS a
LEFT JOIN extractions AS x ON x.run_id = a.run_id AND x.answer_id = a.answer_id
LEFT JOIN grades AS g ON g.run_id = a.run_id AND g.answer_id = a.answer_id
WHERE a.run_id = $run_id AND a.item_id = $item_id AND a.persona = $persona
    AND a.image_condition = $image_condition AND a.option_order = $option_order AND a.epoch = $epoch
ORDER BY a.model
LIMIT 50
