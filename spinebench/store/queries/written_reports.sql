-- What became of the reports that a run asked for: answers by model, persona, image condition, outcome and the sections
-- that have a text.
SELECT
    g.model, g.persona, g.image_condition, g.outcome,
    list_sort(list_distinct(coalesce(x.sections ->> '$[*].section', []::VARCHAR[]))) AS sections,
    count(*) AS n
FROM graded AS g
JOIN extractions AS x ON x.run_id = g.run_id AND x.answer_id = g.answer_id
WHERE g.run_id = $run_id AND g.task = 'report'
GROUP BY ALL
ORDER BY ALL
