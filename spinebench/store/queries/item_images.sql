-- A page of the images that several items show, by path: errors on them are not independent. Files of the same bytes
-- under different paths are found by `spinebench data check`, which reads the files.
WITH shown AS (
    SELECT DISTINCT run_id, item_id, cluster, task, unnest(json_extract_string(images, '$[*].path')) AS path
    FROM items
    WHERE $run_id::VARCHAR IS NULL OR run_id = $run_id
), by_path AS (
    SELECT run_id, path, count(*) AS n, count(DISTINCT cluster) AS n_clusters, list(DISTINCT task ORDER BY task) AS tasks
    FROM shown
    GROUP BY run_id, path
)
SELECT *, count(*) OVER () AS n_images, count(*) FILTER (n > 1) OVER () AS n_shared,
    count(*) FILTER (n_clusters > 1) OVER () AS n_across_clusters
FROM by_path
ORDER BY n_clusters > 1 DESC, n DESC, run_id, path
LIMIT $size::BIGINT
