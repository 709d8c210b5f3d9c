DELETE FROM audits_ingested WHERE audit_id = $audit_id AND file = $file;
INSERT INTO audits_ingested VALUES ($audit_id, $file, $n_bytes, $n_lines, $tail);
