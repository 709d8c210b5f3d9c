-- Per rater: how many of the assigned packets are rated. No score is in it.
SELECT
    s.audit_id, s.rater, count(*) AS n_assigned, count(r.rating_id) AS n_rated, max(s.sitting) AS n_sittings,
    max(r.taken_in_at) AS last_at, sum(r.active_s) AS active_s
FROM assignments AS s
LEFT JOIN current_ratings AS r ON r.audit_id = s.audit_id AND r.rater = s.rater AND r.packet_id = s.packet_id
WHERE $audit_id::VARCHAR IS NULL OR s.audit_id = $audit_id
GROUP BY s.audit_id, s.rater
ORDER BY s.audit_id, s.rater
