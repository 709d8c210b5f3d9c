-- How the items of a run spread: over labels, kinds of image, sources, numbers of options, and over the place of the
-- right option in the benchmark's own order (a lopsided one rewards a favourite letter).
WITH told AS (
    SELECT run_id, task, unnest([
        {'what': 'disease', 'value': coalesce(disease, '(not stated)')},
        {'what': 'modality', 'value': coalesce(modality, '(not stated)')},
        {'what': 'region', 'value': coalesce(region, '(not stated)')},
        {'what': 'source', 'value': coalesce(source, '(not stated)')},
        {'what': 'options', 'value': len(options)::VARCHAR},
        {'what': 'right option', 'value': CASE
            WHEN len(gold) = 1 AND list_position(options, gold[1]) BETWEEN 1 AND 26
                THEN chr((64 + list_position(options, gold[1]))::INTEGER)
            WHEN len(gold) > 1 THEN '(several)'
            ELSE '(none)'
        END}
    ]) AS one
    FROM items
    WHERE $run_id::VARCHAR IS NULL OR run_id = $run_id
)
SELECT run_id, task, one.what AS what, one.value AS value, count(*) AS n,
    sum(count(*)) OVER (PARTITION BY run_id, task, one.what)::BIGINT AS n_items
FROM told
GROUP BY run_id, task, one.what, one.value
ORDER BY run_id, task, what, n DESC, value
