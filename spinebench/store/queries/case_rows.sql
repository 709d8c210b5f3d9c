-- Between which rows of the answers those of the runs stand, `last` not among them, and how many they are.
SELECT min(rowid) AS first, max(rowid) + 1 AS last, count(*) AS n
FROM answers
WHERE $runs::VARCHAR[] IS NULL OR list_contains($runs::VARCHAR[], run_id)
