-- A page of the questions that both models were asked and only one answered rightly: `only` says which of them.
-- Questions are matched as `evaluators.comparison.compare` matches them: of several runs the one named last counts.
WITH latest AS (
    SELECT *
    FROM graded
    WHERE list_contains($run_ids::VARCHAR[], run_id)
        AND model IN ($first::VARCHAR, $second::VARCHAR)
        AND ($personas::VARCHAR[] IS NULL OR list_contains($personas::VARCHAR[], persona))
        AND ($conditions::VARCHAR[] IS NULL OR list_contains($conditions::VARCHAR[], image_condition))
        AND ($task::VARCHAR IS NULL OR task = $task)
    QUALIFY row_number() OVER (
        PARTITION BY item_id, persona, image_condition, option_order, epoch, model
        ORDER BY list_position($run_ids::VARCHAR[], run_id) DESC
    ) = 1
)
SELECT
    a.item_id, a.task, a.disease, a.persona, a.image_condition, a.option_order, a.epoch,
    CASE WHEN a.correct THEN a.model ELSE b.model END AS only,
    a.run_id AS first_run_id, a.answer_id AS first_answer_id, a.outcome AS first_outcome, a.status AS first_status,
    b.run_id AS second_run_id, b.answer_id AS second_answer_id, b.outcome AS second_outcome, b.status AS second_status,
    a.simulated OR b.simulated AS simulated, a.partial OR b.partial AS partial,
    count(*) OVER () AS n_discordant
FROM latest AS a
JOIN latest AS b USING (item_id, persona, image_condition, option_order, epoch)
WHERE a.model = $first AND b.model = $second AND a.correct <> b.correct
    AND ($only::VARCHAR IS NULL OR (CASE WHEN a.correct THEN a.model ELSE b.model END) = $only)
ORDER BY a.task, a.disease, a.item_id, a.persona, a.image_condition, a.option_order, a.epoch
LIMIT $size::BIGINT
OFFSET coalesce($skip::BIGINT, 0)
