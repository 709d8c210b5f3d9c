SELECT r.*, (SELECT count(*) FROM current_ratings AS c WHERE c.rater = r.rater) AS n_ratings
FROM raters AS r
ORDER BY r.rater
