-- Which values cases can be filtered by, and how many graded answers of the runs each leaves.
WITH asked AS (
    SELECT model, task, outcome, status, modality, source,
        coalesce(disease, CASE WHEN task = 'diagnosis' THEN gold[1] END) AS disease,
        CASE
            WHEN task <> 'diagnosis' THEN NULL
            WHEN correct THEN coalesce(disease, gold[1])
            WHEN len(chosen) = 0 THEN '(not answered)'
            ELSE coalesce(confused_with, chosen[1])
        END AS answered
    FROM graded_rows
    WHERE $runs::VARCHAR[] IS NULL OR list_contains($runs::VARCHAR[], run_id)
), counted AS (
    SELECT *, count(*) AS n
    FROM asked
    GROUP BY ALL
)
SELECT name, value, sum(n)::BIGINT AS n
FROM counted
UNPIVOT (value FOR name IN (model, task, disease, answered, outcome, status, modality, source))
GROUP BY ALL
ORDER BY name, n DESC, value
