-- What became of the questions, as `results` counts it, without its accuracies.
SELECT run_id, model, persona, image_condition, split_part(option_order, ':', 1) AS option_order,
    count(*) AS n_asked,
    count(*) FILTER (status = 'answered') AS n_answered,
    count(*) FILTER (status = 'no_answer') AS n_no_answer,
    count(*) FILTER (status = 'unparsed') AS n_unparsed,
    count(*) FILTER (status = 'refused') AS n_refused,
    count(*) FILTER (status = 'truncated') AS n_truncated,
    count(*) FILTER (status = 'filtered') AS n_filtered,
    count(*) FILTER (status = 'error') AS n_errored
FROM graded
WHERE $run_id::VARCHAR IS NULL OR run_id = $run_id
GROUP BY ALL
ORDER BY run_id, model, persona, image_condition, option_order
