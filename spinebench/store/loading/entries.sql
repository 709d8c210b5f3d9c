-- From `staged` into the tables; statement by statement. Casting by way of TIMESTAMPTZ, because a cast to TIMESTAMP
-- ignores an offset that is written out (DuckDB 2.0).
CREATE OR REPLACE TEMP TABLE new_answers AS
SELECT answer_id, max(line) AS line
FROM staged
WHERE answer IS NOT NULL
GROUP BY answer_id;

DELETE FROM answers WHERE run_id = $run_id AND answer_id IN (SELECT answer_id FROM new_answers);
DELETE FROM extractions WHERE run_id = $run_id AND answer_id IN (SELECT answer_id FROM new_answers);
DELETE FROM grades WHERE run_id = $run_id AND answer_id IN (SELECT answer_id FROM new_answers);

INSERT INTO answers
SELECT
    $run_id, answer_id, line,
    answer.key.item_id, answer.key.model, answer.key.persona, answer.key.image_condition, answer.key.option_order,
    answer.key.epoch, answer.status, coalesce(answer.text, ''), answer.reasoning, answer.finish_reason,
    coalesce(answer.option_permutation, []), coalesce(answer.images, '[]'), answer.prompt_hash, answer.request_hash,
    answer.response_id, answer.provider_model, answer.latency_s, coalesce(answer.reused, false),
    coalesce(answer.attempts, 0), answer."at"::TIMESTAMPTZ AT TIME ZONE 'UTC', nullif(answer.turns::VARCHAR, '[]')
FROM staged
WHERE line IN (SELECT line FROM new_answers);

CREATE OR REPLACE TEMP TABLE new_scores AS
SELECT s.scored_id AS answer_id, max(s.line) AS line
FROM staged AS s
JOIN answers AS a ON a.run_id = $run_id AND a.answer_id = s.scored_id AND s.line >= a.line
WHERE s.scored IS NOT NULL
GROUP BY s.scored_id;

DELETE FROM extractions WHERE run_id = $run_id AND answer_id IN (SELECT answer_id FROM new_scores);
DELETE FROM grades WHERE run_id = $run_id AND answer_id IN (SELECT answer_id FROM new_scores);

INSERT INTO extractions
SELECT
    $run_id, scored_id, line, coalesce(scored.extraction.letters, []), scored.extraction.status,
    scored.extraction."rule", scored.extraction.span[1], scored.extraction.span[2], scored.extraction.version,
    scored."at"::TIMESTAMPTZ AT TIME ZONE 'UTC', nullif(scored.extraction.sections::VARCHAR, '[]')
FROM staged
WHERE line IN (SELECT line FROM new_scores);

INSERT INTO grades
SELECT
    $run_id, scored_id, line, scored.grade.correct, coalesce(scored.grade.chosen, []), scored.grade.gold,
    scored.grade.outcome, scored.grade."precision", scored.grade.recall, scored.grade.f1, scored.grade.jaccard,
    scored.grade.confused_with, scored.grade.shift, scored.grade.version
FROM staged
WHERE line IN (SELECT line FROM new_scores);

INSERT INTO usage
SELECT
    $run_id, answer_id, line, answer.key.model, 'examinee', answer.usage.input_tokens, answer.usage.output_tokens,
    answer.usage.reasoning_tokens, answer.usage.cached_input_tokens, answer.usage.cost_usd,
    coalesce(answer.reused, false)
FROM staged
WHERE answer IS NOT NULL;

INSERT INTO usage
SELECT
    $run_id, answer_id, line, answer.key.model, 'extractor', answer.extractor_usage.input_tokens,
    answer.extractor_usage.output_tokens, answer.extractor_usage.reasoning_tokens,
    answer.extractor_usage.cached_input_tokens, answer.extractor_usage.cost_usd, false
FROM staged
WHERE answer.extractor_usage IS NOT NULL;

INSERT INTO failures
SELECT
    $run_id, answer_id, line, item_id, model, failure.attempt, failure.failure_class, failure.message,
    failure.status_code, coalesce(failure.retryable, false), failure."at"::TIMESTAMPTZ AT TIME ZONE 'UTC'
FROM (
    SELECT answer_id, line, answer.key.item_id AS item_id, answer.key.model AS model, unnest(answer.failures) AS failure
    FROM staged
    WHERE answer IS NOT NULL
);

CREATE OR REPLACE TEMP TABLE touched AS
SELECT answer_id FROM new_answers UNION SELECT answer_id FROM new_scores;

DELETE FROM graded_rows WHERE run_id = $run_id AND answer_id IN (SELECT answer_id FROM touched);

INSERT INTO graded_rows
SELECT
    a.run_id,
    a.answer_id,
    a.item_id,
    a.model,
    a.persona,
    a.image_condition,
    a.option_order,
    a.epoch,
    i.benchmark,
    i.task,
    i.disease,
    i.modality,
    i.source,
    i.cluster,
    coalesce(x.status, a.status) AS status,
    coalesce(g.outcome, 'not_answered') AS outcome,
    CASE WHEN i.task IN ('report', 'consultation') THEN NULL ELSE coalesce(g.correct, false) END AS correct,
    CASE WHEN g.answer_id IS NULL AND i.task = 'localization' THEN 0.0 ELSE g.precision END AS precision,
    CASE WHEN g.answer_id IS NULL AND i.task = 'localization' THEN 0.0 ELSE g.recall END AS recall,
    CASE WHEN g.answer_id IS NULL AND i.task = 'localization' THEN 0.0 ELSE g.f1 END AS f1,
    CASE WHEN g.answer_id IS NULL AND i.task = 'localization' THEN 0.0 ELSE g.jaccard END AS jaccard,
    coalesce(g.chosen, []::VARCHAR[]) AS chosen,
    coalesce(g.gold, i.gold) AS gold,
    len(i.options) AS n_options,
    i.options,
    g.confused_with,
    g.shift,
    r.simulated,
    r.partial,
    i.subspecialty,
    i.language,
    json_array_length(i.images) AS n_images
FROM answers AS a
JOIN items AS i ON i.run_id = $run_id AND i.item_id = a.item_id
JOIN runs AS r ON r.run_id = $run_id
LEFT JOIN extractions AS x ON x.run_id = $run_id AND x.answer_id = a.answer_id
LEFT JOIN grades AS g ON g.run_id = $run_id AND g.answer_id = a.answer_id
WHERE a.run_id = $run_id
    AND a.answer_id IN (SELECT answer_id FROM touched)
    AND (x.answer_id IS NOT NULL OR a.status <> 'answered');

DROP TABLE staged;
