SELECT s.*, a.simulated, a.partial
FROM audit_strata AS s
JOIN audits AS a ON a.audit_id = s.audit_id
WHERE $audit_id::VARCHAR IS NULL OR s.audit_id = $audit_id
ORDER BY s.audit_id, s.stratum
