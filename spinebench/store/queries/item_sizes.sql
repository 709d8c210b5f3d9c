-- Items, clusters and images of a run, and how many items a cluster holds.
WITH sizes AS (
    SELECT run_id, cluster, count(*) AS n
    FROM items
    WHERE $run_id::VARCHAR IS NULL OR run_id = $run_id
    GROUP BY run_id, cluster
)
SELECT run_id, sum(n)::BIGINT AS n_items, count(*) AS n_clusters, min(n) AS smallest, avg(n) AS mean, max(n) AS largest,
    arg_max(cluster, n) AS largest_cluster
FROM sizes
GROUP BY run_id
ORDER BY run_id
