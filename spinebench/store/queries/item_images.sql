-- A page of the images that several items show, by path: errors on them are not independent. Files of the same bytes
-- under different paths are found by `spinebench data check`, which reads the files. Clusters and tasks are listed of
-- the page's images alone, and counts are no window: both took most of the time.
WITH shown AS (
    SELECT run_id, cluster, task, unnest(list_distinct(json_extract_string(images, '$[*].path'))) AS path
    FROM items
    WHERE $run_id::VARCHAR IS NULL OR run_id = $run_id
), by_path AS (
    SELECT run_id, path, count(*) AS n, min(cluster) <> max(cluster) AS is_across
    FROM shown
    GROUP BY run_id, path
), counted AS (
    SELECT count(*) AS n_images, count(*) FILTER (n > 1) AS n_shared, count(*) FILTER (is_across) AS n_across_clusters
    FROM by_path
), page AS (
    SELECT run_id, path, n
    FROM by_path
    ORDER BY is_across DESC, n DESC, run_id, path
    LIMIT $size::BIGINT
)
SELECT page.*, count(DISTINCT shown.cluster) AS n_clusters,
    list(DISTINCT shown.task ORDER BY shown.task) AS tasks, counted.*
FROM page
JOIN shown ON shown.run_id = page.run_id AND shown.path = page.path
CROSS JOIN counted
GROUP BY ALL
ORDER BY n_clusters > 1 DESC, page.n DESC, page.run_id, page.path
