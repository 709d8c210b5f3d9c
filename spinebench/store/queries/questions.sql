-- Graded answers by question: a question's own columns once, and a number per answer to it, so that 780,000 rows
-- become as many as there are questions. Of runs on one benchmark, whose items are the same. In no order. Read by
-- `evaluators.question_table`.
--
-- Answer of the run in place r of $run_ids and the model in place m of $models, status in place s of $statuses (all
-- counted from 0): ((r * len($models) + m) * len($statuses) + s) * 4 + 2 if it has an outcome + 1 if it is right
-- or, of free text, complete.
WITH asked AS (
    SELECT
        item_id, persona, image_condition, option_order, epoch,
        list(
            ((
                ((list_position($run_ids::VARCHAR[], run_id) - 1) * len($models::VARCHAR[])
                    + list_position($models::VARCHAR[], model) - 1) * len($statuses::VARCHAR[])
                + list_position($statuses::VARCHAR[], status) - 1
            ) * 4
            + CASE WHEN outcome <> 'not_answered' THEN 2 ELSE 0 END
            + CASE WHEN correct OR outcome = 'complete' THEN 1 ELSE 0 END)::INTEGER
        ) AS answers
    FROM graded
    WHERE list_contains($run_ids::VARCHAR[], run_id) AND list_contains($models::VARCHAR[], model)
    GROUP BY item_id, persona, image_condition, option_order, epoch
), questions AS (
    SELECT
        item_id, any_value(task) AS task, any_value(cluster) AS cluster, any_value(disease) AS disease,
        any_value(gold) AS gold, any_value(options) AS options
    FROM items
    WHERE list_contains($run_ids::VARCHAR[], run_id)
    GROUP BY item_id
)
SELECT questions.*, asked.* EXCLUDE (item_id)
FROM asked
JOIN questions USING (item_id)
