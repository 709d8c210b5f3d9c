-- Knowledge questions and reports of one run under one image condition, with what their scores are divided by.
-- An item that states no modality has those of its images.
SELECT
    g.run_id, g.answer_id, g.item_id, g.model, g.persona, g.option_order, g.epoch, g.task, g.status, g.correct,
    g.cluster, g.subspecialty, g.source, g.language, coalesce(g.n_images, 0) AS n_images,
    coalesce(
        g.modality,
        nullif(array_to_string(list_sort(list_distinct(i.images ->> '$[*].modality')), ' + '), '')
    ) AS modality
FROM graded AS g
JOIN items AS i ON i.run_id = g.run_id AND i.item_id = g.item_id
WHERE g.run_id = $run_id
    AND g.image_condition = $condition
    AND g.task IN ('knowledge', 'report')
ORDER BY i.position, g.model, g.persona, g.option_order, g.epoch
